"""A run with a user's method and its card: reports and `verify` need neither the card nor its place."""

import shutil

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from tests.tiny import build, scored_by_psnr

CARD = """\
class: Mine
order: 1
title: A method of mine
paper: "2401.00001"
bibtex: "@article{mine, title = {A method of mine}}"
presets: {bench: {tiny: {"*": {steps: 2}, box2: {steps: 4}}}}
"""
ANOTHER = "\n\n@dataclass(frozen=True)\nclass Another(Mine):\n    pass\n"
"""The card says which of the two classes is meant."""

pytestmark = pytest.mark.long


def bench(*args):
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def verify(folder, *args):
    return bench("verify", folder, "--images", 1, "--progress", "none", *args)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run with a method of ours, and a user's in a folder with a space in its name."""
    world = tmp_path_factory.mktemp("world")
    suite, own = scored_by_psnr(build(world)), world / "my folder"
    own.mkdir()
    (own / "my_solver.py").write_text((world / "mine.py").read_text() + ANOTHER)
    (own / "my_solver.yaml").write_text(CARD)
    chosen = ("--solver", "red_diff", "--solver", own / "my_solver.py", "--images", 2)
    done = bench("run", "--suite", suite, "--out", world / "runs", "--progress", "none", *chosen)
    assert done.exit_code == 0, done.output
    return world


@pytest.fixture
def world(made, tmp_path):
    """The same, whose files a test may change; they are put back behind it."""
    shutil.copytree(made / "my folder", tmp_path / "kept")
    yield made
    shutil.rmtree(made / "my folder", ignore_errors=True)
    shutil.copytree(tmp_path / "kept", made / "my folder")


def test_settings_by_task_are_one_row(made):
    page = (made / "runs" / "report" / "report.md").read_text()
    assert page.count("my_solver<br>") == 2 and "configurations" not in page, "a row in each of two tables"
    assert "Mine: *A method of mine* [arXiv:2401.00001](https://arxiv.org/abs/2401.00001)" in page
    steps = {
        record.task: record.params["steps"]
        for record in read_records(made / "runs")[0]
        if record.solver == "Mine"
    }
    assert steps == {"box": 2, "box2": 4}
    (run,) = read_manifests(made / "runs")
    row = run.rows[-1]
    assert {task: params["steps"] for task, params in row.settings.items()} == steps
    assert (row.colour, row.order, row.bibtex) == (None, 1, "@article{mine, title = {A method of mine}}")


@pytest.mark.parametrize("change", ["another preset", "no card"])
def test_rows_are_made_again_with_the_settings_of_then(world, change):
    card = world / "my folder" / "my_solver.yaml"
    if change == "no card":
        card.unlink()
    else:
        card.write_text(CARD.replace("steps: 2", "steps: 3"))
    done = verify(world / "runs", "--trust-code")
    assert done.exit_code == 0 and "4 reconstructions of 4 rows made again, all reproduced" in done.output, (
        done.output
    )


def test_code_of_a_folder_does_not_run_unless_it_is_trusted(world, tmp_path):
    code, ran = world / "my folder" / "my_solver.py", tmp_path / "ran"
    code.write_text(f"open({str(ran)!r}, 'w').close()\n{code.read_text()}")
    done = verify(world / "runs", "--code", tmp_path)
    lines = [line for line in done.output.splitlines() if line.startswith("not compared: ")]
    assert len(lines) == 2 and all("--trust-code runs it" in line for line in lines), done.output
    assert "2 rows made again, all reproduced" in done.output, "ours"
    assert not ran.exists()
    verify(world / "runs", "--code", world / "my folder", "--task", "box")
    assert ran.exists()


def test_a_report_needs_no_file_of_the_user(world):
    before = {path.name: path.read_bytes() for path in (world / "runs" / "report").iterdir()}
    shutil.rmtree(world / "my folder")
    for format_ in ([], ["--html"]):
        done = bench("report", "--from", world / "runs", *format_, "--out", world / "again")
        assert done.exit_code == 0, done.output
    assert {path.name: path.read_bytes() for path in (world / "again").iterdir()} == before


def test_a_folder_that_moved_is_named(world, tmp_path):
    elsewhere = tmp_path / "moved here"
    shutil.move(world / "my folder", elsewhere)
    done = verify(world / "runs")
    lines = [line for line in done.output.splitlines() if line.startswith("not compared: ")]
    missing = (
        f"{world}/my folder/my_solver.py: no such file; --code DIR names the folder that the file is in now"
    )
    assert len(lines) == 2 and all(line.endswith(missing) for line in lines), done.output
    assert "2 rows made again, all reproduced" in done.output, "ours"
    done = verify(world / "runs", "--code", elsewhere)
    assert done.exit_code == 0 and "4 rows made again, all reproduced" in done.output, done.output
    code = elsewhere / "my_solver.py"
    code.write_text(code.read_text().replace("0.9 * x", "0.8 * x"))
    done = verify(world / "runs", "--code", elsewhere, "--task", "box")
    assert "box  my_solver: the code of solver Mine is " in done.output, "found, and another one"
