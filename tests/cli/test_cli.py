"""The command line: what each verb prints, and one clear line for everything that a user can get wrong."""

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.records.journal import Journal, read_records
from bench.suites.suite import list_suites
from tests import ROOT
from tests.tiny import PRIOR, build


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    build(folder)
    return folder


def bench(*args):
    return CliRunner().invoke(cli, [str(a) for a in args])


def run(world, out, *args):
    return bench(
        "run", "--suite", world / "tiny.yaml", "--out", out, "--progress", "plain", "--task", "box", *args
    )


def test_help_imports_nothing_heavy():
    """Guards the start-up time of --help: torch alone takes a second."""
    heavy = "{'torch', 'pandas', 'matplotlib', 'numpy', 'rich', 'pydantic'}"
    code = f"import sys, bench.cli; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for verb in ("run", "report", "list", "fetch", "check"):
        assert bench(verb, "--help").exit_code == 0


def test_run_prints_scores_and_a_report(world, tmp_path):
    result = run(world, tmp_path, "--solver", "pinv", "--solver", f"{world}/mine.py", "--images", 2)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "box"
    assert lines[1].split() == ["n", "PSNR", "SSIM", "LPIPS", "NFE", "s/image"]
    assert [line.split()[:2] for line in lines[2:4]] == [["pinv", "2"], ["mine", "2"]]
    assert f"report: {tmp_path}/report/report.md" in result.stdout
    assert (tmp_path / "report" / "report.md").is_file()
    assert "4/4 (100%) box/mine" in result.stderr
    again = run(world, tmp_path, "--solver", "pinv", "--images", 2, "--no-report")
    assert again.exit_code == 0
    assert again.stdout.splitlines()[2].split()[:2] == ["pinv", "2"]
    report = bench("report", "--from", tmp_path, "--out", tmp_path / "elsewhere")
    assert report.stdout.strip() == str(tmp_path / "elsewhere" / "report.md")


def test_dry_run_says_what_is_missing_and_writes_nothing(world, tmp_path):
    result = run(world, tmp_path / "none", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert not (tmp_path / "none").exists()
    rows = {line.split()[1]: line.split() for line in result.stdout.splitlines()[1:-1]}
    assert rows["dps"][2:5] == ["0", "4", "4"], "done, missing, NFE"
    total = r"36 reconstructions missing, 0 done; about (\d+ min )?\d+ s of solver time"
    assert re.fullmatch(total, result.stdout.splitlines()[-1])


def test_interrupt_keeps_what_is_done(world, tmp_path):
    result = run(world, tmp_path, "--solver", f"{world}/mine.py:Mine.mode=interrupt", "--batch", 1)
    assert result.exit_code == 130
    assert f"error: interrupted; 3 new records are kept in {tmp_path}: run again to go on" in result.stderr
    assert len(read_records(tmp_path)[0]) == 3


def test_failures_are_reported_and_leave_a_code(world, tmp_path):
    result = run(world, tmp_path, "--solver", f"{world}/mine.py:Mine.mode=raise,nan", "--no-report")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("error: 1 failed; the reasons are above")
    assert "Mine[mode=raise] im3: failed: RuntimeError: white image (mine.py:" in result.stderr
    assert "4 diverged: not finite at step 2 of 3" in result.stdout
    again = run(world, tmp_path, "--solver", f"{world}/mine.py:Mine.mode=raise,nan", "--no-report")
    assert again.exit_code == 1, "nothing new was lost, but the table has a gap"
    assert again.stderr.splitlines()[-1].startswith("error: 1 failed; the reasons are above")
    assert run(world, tmp_path, "--solver", f"{world}/mine.py:Mine.mode=nan", "--no-report").exit_code == 0


def test_two_versions_of_a_solver_are_two_rows(world, tmp_path):
    for version, factor in (("v1", "0.9"), ("v2", "0.1")):
        (world / f"{version}.py").write_text(
            (world / "mine.py").read_text().replace("x = 0.9 * x", f"x = {factor} * x")
        )
    result = run(
        world, tmp_path, *(f"--solver={world}/{version}.py:Mine" for version in ("v1", "v2")), "--no-report"
    )
    assert result.exit_code == 0, result.stderr
    rows = {line.split()[0]: float(line.split()[2]) for line in result.stdout.splitlines()[2:4]}
    assert rows.keys() == {"Mine", "v2:Mine"}
    assert rows["v2:Mine"] > rows["Mine"] + 1, "nearer to grey"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--suite", "linea"], 2, "unknown suite 'linea' (did you mean 'linear'?); known: "),
        (["--suite", "no.yaml"], 2, "unknown suite 'no.yaml'"),
        (["--solver", "dsp"], 2, "unknown solver 'dsp' (did you mean 'dps'?); known: "),
        (["--task", "bx"], 2, "--task bx: unknown task (did you mean 'box'?); known: box, box2"),
        (
            ["--solver", "dps.zta=1"],
            2,
            "--solver dps.zta=1: zta: unknown parameter (did you mean 'zeta'?); known: steps",
        ),
        (["--solver", "dps.zeta=abc"], 2, "--solver dps.zeta=abc: zeta: Input should be a valid number"),
        (
            ["--solver", "dps.steps=0"],
            2,
            "--solver dps.steps=0: steps: Input should be greater than or equal to 1",
        ),
        (["--solver", "dps.zeta=.inf"], 2, "--solver dps.zeta=.inf: zeta: Input should be a finite number"),
        (["--solver", "{world}/leaves.py"], 2, "leaves.py: cannot import it: SystemExit: 0"),
        (["--solver", "absent.py:Mine"], 2, "absent.py: no such file"),
        (["--solver", "{world}/mine.py:Mien"], 2, "no 'Mien' in {world}/mine.py (did you mean 'Mine'?)"),
        (
            ["--solver", "{world}/broken.py:Mine"],
            2,
            "broken.py: cannot import it: ZeroDivisionError: division by zero",
        ),
        (["--solver", "no.such:Mine"], 2, "no.such: cannot import it: ModuleNotFoundError"),
        (["--solver", "pathlib:Path"], 2, "'Path' is not a class derived from bench.solver.Solver"),
        (["--prior", "fashon32"], 2, "unknown prior 'fashon32' (did you mean 'fashion32'?)"),
        (["--prior", "{world}/forged.toml"], 2, "is not the card's"),
        (["--prior", "{world}/rgb.toml"], 2, "not this architecture"),
        (
            ["--prior", "fashion32"],
            2,
            "prior 'fashion32' is for images (1, 32, 32), dataset 'images' has (1, 16, 16)",
        ),
        (["--dataset", "nothing"], 2, "unknown data set 'nothing'"),
        (["--images", "9"], 2, "asks for 9 images, dataset 'images' has 8"),
        (["--device", "cuda:99"], 2, "--device cuda:99: not usable here"),
        (["--out", "{world}/mine.py/run"], 1, "cannot make {world}/mine.py/run/journal: Not a directory"),
        (["--shard", "4/3"], 2, "'4/3' is not i/n with 1 <= i <= n"),
        (["--save-images", "some"], 2, "'some' is none of all, none, first:N"),
        (["--sede", "1"], 2, "No such option"),
    ],
)
def test_bad_input_gives_one_clear_line(world, tmp_path, args, code, message):
    (world / "broken.py").write_text("1 / 0\n")
    (world / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    (world / "forged.toml").write_text(PRIOR.format(sha256="0" * 64, channels=1))
    (world / "rgb.toml").write_text((world / "tiny.toml").read_text().replace("channels = 1", "channels = 3"))
    result = run(world, tmp_path, *(arg.format(world=world) for arg in args))
    assert result.exit_code == code, result.stderr
    lines = [line for line in result.stderr.lower().splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert message.format(world=world).lower() in lines[0]
    assert not list(tmp_path.glob("journal/*.jsonl"))


def test_full_disk_is_one_line(world, tmp_path, monkeypatch):
    from bench.records.files import StoreError

    def full(self, record):
        raise StoreError(
            "cannot append: No space left on device. Records up to here are kept; run again to resume"
        )

    monkeypatch.setattr(Journal, "append", full)
    result = run(world, tmp_path, "--solver", "pinv")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("error: cannot append: No space left on device")


def test_damaged_image_is_one_line(world, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    build(folder)
    (folder / "images" / "im1.png").write_bytes(b"not a picture")
    result = run(folder, tmp_path / "run", "--solver", "pinv")
    assert result.exit_code == 2
    assert "im1.png" in result.stderr.splitlines()[-1]


def test_run_and_report_agree_on_the_folder_of_a_suite_file(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suite = world / "tiny.yaml"
    done = bench(
        "run", "--suite", suite, "--task", "box", "--solver", "pinv", "--progress", "none", "--no-report"
    )
    assert done.exit_code == 0, done.stderr
    for name in (suite, "tiny"):
        assert bench("report", "--suite", name).stdout.strip() == "results/tiny/report/report.md"


def test_reports_without_records(tmp_path):
    for args, code in (([], 2), (["--from", tmp_path], 1), (["--from", tmp_path / "absent"], 1)):
        assert bench("report", *args).exit_code == code


def test_list_gives_reasons():
    result = bench("list")
    assert result.exit_code == 0
    assert "blur_motion: DDRM needs SVDOperator; BlurMotion is LinearOperator" in result.stdout
    assert (
        "blur_motion: DDNM+ needs SVDOperator; BlurMotion is LinearOperator (plus = False takes y"
        in result.stdout
    )
    assert f"suites: {', '.join(list_suites())}" in result.stdout


def test_check_tells_good_from_bad(world):
    result = bench("check", f"{world}/mine.py:Mine")
    assert result.exit_code == 1
    assert "kept    The same seed gives the same result" in result.stdout
    assert "broken  Nearer to the exact posterior mean" in result.stdout
    assert bench("check", "pinv").exit_code == 0
    unknown = bench("check", "blur_gaus")
    assert (
        unknown.exit_code == 2
        and "unknown solver or operator 'blur_gaus' (did you mean 'blur_gauss'?)" in unknown.stderr
    )


TWO = """
from dataclasses import dataclass

from bench.operators.base import LinearOperator
from solvers import DDNM


class Flipped(LinearOperator):
    \"\"\"The image upside down.\"\"\"

    @property
    def out_shape(self):
        return self.shape

    def forward(self, x):
        return x.flip(-2)

    def transpose(self, v):
        return v.flip(-2)


class Brighter(Flipped):
    \"\"\"Twice as bright; the adjoint does not know.\"\"\"

    def forward(self, x):
        return 2 * super().forward(x)
"""
ONE_OF_EACH = (
    TWO.partition("class Brighter")[0]
    + """
@dataclass(frozen=True)
class Mine(DDNM):
    \"\"\"DDNM.\"\"\"
"""
)


def test_check_of_a_file_checks_all_that_it_defines(tmp_path):
    both, each, none = (tmp_path / name for name in ("both.py", "each.py", "none.py"))
    both.write_text(TWO)
    each.write_text(ONE_OF_EACH)
    none.write_text("import torch\n")
    done = bench("check", both)
    assert (
        done.exit_code == 1 and f"{both}:Flipped:\n" in done.stdout and f"{both}:Brighter:\n" in done.stdout
    )
    assert "broken  <A x, v> = <x, A^T v>" in done.stdout.partition("Brighter:")[2]
    assert "broken" not in done.stdout.partition("Brighter:")[0]
    done = bench("check", each)
    assert done.exit_code == 0 and "kept    A LinearOperator is linear" in done.stdout, done.output
    assert f"{each}:Mine:\n" in done.stdout and "kept    The same seed gives the same result" in done.stdout
    done = bench("check", none)
    assert (
        done.exit_code == 2
        and done.stderr == f"error: {none} defines no class derived from Solver or Operator\n"
    )


@pytest.mark.long
def test_certify_measures_laws():
    result = bench("certify", "ddrm")
    assert result.exit_code == 0
    assert (
        result.stdout.count("holds") >= 5
        and "BROKEN" not in result.stdout
        and "preset official" in result.stdout
    )
    unknown = bench("certify", "dpss")
    assert unknown.exit_code == 2
    assert "did you mean 'dps'?" in unknown.stderr
