"""The verbs `plan` and `probe` as a user calls them, and what they refuse."""

import pytest
from click.testing import CliRunner

from bench.cli import cli
from tests.tiny import build


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    suite = str(build(tmp_path))

    def run(verb, *options):
        given = ["--suite", suite, "--task", "box"] if verb == "plan" else []
        return CliRunner().invoke(cli, [verb, *given, *options])

    return run


@pytest.mark.long
def test_a_plan_after_a_probe(call, tmp_path):
    probed = call("probe", "--prior", str(tmp_path / "tiny.toml"))
    assert probed.exit_code == 0 and "vjp" in probed.stdout and "kept in" in probed.stdout
    planned = call("plan", "--solver", "ddrm", "--solver", "dps", "--budget", "2h")
    assert planned.exit_code == 0, planned.output
    assert "times: probe of tiny" in planned.stdout and "a factor of 1.3" in planned.stdout
    assert "budget 2 h 00 min: all of it fits" in planned.stdout
    (tmp_path / "tiny.safetensors").unlink()
    assert call("plan", "--solver", "dps").exit_code == 0, "weights are not needed"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--device", "h1000"), "h100"),
        (("--device", "h100", "--dtype", "float64"), "bench probe --dtype float64"),
        (("--device", "h100", "--solver", "dps", "--budget", "0.0001s"), "nothing fits into the budget"),
        (("--prior", "ffhq512"), "unknown prior"),
    ],
)
def test_what_cannot_be_planned_is_one_line(call, options, reason):
    result = call("plan", *options)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error")]
    assert result.exit_code == 2 and len(lines) == 1 and reason in lines[0]


def test_where_no_row_can_be_solved_the_reason_is_given(tmp_path):
    suite = build(tmp_path)
    suite.write_text(suite.read_text().replace("inpaint_box", "hdr"))
    result = CliRunner().invoke(cli, ["plan", "--suite", str(suite), "--solver", "ddrm"])
    assert result.exit_code == 2 and "no row can be solved; box ddrm: DDRM needs" in result.stderr


@pytest.mark.parametrize(
    "time", ["8", "h", "-1h", "0h", "nanh", "infh", "1e400h", "8 h", "8H", "8h30", "9999999d", "", "1_0h"]
)
def test_a_nonsense_budget_is_refused_before_torch(call, time):
    result = call("plan", "--budget", time)
    assert result.exit_code == 2 and "--budget" in result.stderr and "loading" not in result.stderr
