"""`run`: what it prints and keeps, and one clear line for everything that a user can get wrong."""

import subprocess
import sys

import pytest

from bench.records.files import StoreError
from bench.records.journal import Journal, read_records
from tests import ROOT
from tests.commands import bench, run_tiny
from tests.tiny import PRIOR, build


def test_run_prints_scores_and_a_report(tiny, tmp_path):
    result = run_tiny(tiny, tmp_path, "--solver", "pinv", "--solver", f"{tiny}/mine.py", "--images", 2)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "box"
    assert lines[1].split() == ["n", "PSNR", "SSIM", "LPIPS", "NFE", "s/image"]
    assert [line.split()[:2] for line in lines[2:4]] == [["pinv", "2"], ["mine", "2"]]
    assert f"report: {tmp_path}/report/report.md" in result.stdout
    assert (tmp_path / "report" / "report.md").is_file()
    assert "4/4 (100%) box/mine" in result.stderr
    again = run_tiny(tiny, tmp_path, "--solver", "pinv", "--images", 2, "--no-report")
    assert again.exit_code == 0
    assert again.stdout.splitlines()[2].split()[:2] == ["pinv", "2"]
    report = bench("report", "--from", tmp_path, "--out", tmp_path / "elsewhere")
    assert report.stdout.strip() == str(tmp_path / "elsewhere" / "report.md")


def test_failures_are_reported_and_leave_a_code(tiny, tmp_path):
    result = run_tiny(tiny, tmp_path, "--solver", f"{tiny}/mine.py:Mine.mode=raise,nan", "--no-report")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("error: 1 failed; the reasons are above")
    assert "Mine[mode=raise] im3: failed: RuntimeError: white image (mine.py:" in result.stderr
    assert "4 diverged: not finite at step 2 of 3" in result.stdout
    again = run_tiny(tiny, tmp_path, "--solver", f"{tiny}/mine.py:Mine.mode=raise,nan", "--no-report")
    assert again.exit_code == 1, "nothing new was lost, but the table has a gap"
    assert again.stderr.splitlines()[-1].startswith("error: 1 failed; the reasons are above")
    assert run_tiny(tiny, tmp_path, "--solver", f"{tiny}/mine.py:Mine.mode=nan", "--no-report").exit_code == 0


def test_two_versions_of_a_solver_are_two_rows(tiny, tmp_path):
    for version, factor in (("v1", "0.9"), ("v2", "0.1")):
        (tiny / f"{version}.py").write_text(
            (tiny / "mine.py").read_text().replace("x = 0.9 * x", f"x = {factor} * x")
        )
    result = run_tiny(
        tiny, tmp_path, *(f"--solver={tiny}/{version}.py:Mine" for version in ("v1", "v2")), "--no-report"
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
        (["--solver", "dps.zeta=.inf"], 2, "--solver dps.zeta=.inf: '.inf' is not a finite number"),
        (["--solver", "{tiny}/leaves.py"], 2, "leaves.py: cannot import it: SystemExit: 0"),
        (["--solver", "absent.py:Mine"], 2, "absent.py: no such file"),
        (["--solver", "{tiny}/mine.py:Mien"], 2, "no 'Mien' in {tiny}/mine.py (did you mean 'Mine'?)"),
        (
            ["--solver", "{tiny}/broken.py:Mine"],
            2,
            "broken.py: cannot import it: ZeroDivisionError: division by zero",
        ),
        (["--solver", "no.such:Mine"], 2, "no.such: cannot import it: ModuleNotFoundError"),
        (["--solver", "pathlib:Path"], 2, "'Path' is not a class derived from bench.solver.Solver"),
        (["--prior", "fashon32"], 2, "unknown prior 'fashon32' (did you mean 'fashion32'?)"),
        (["--prior", "{tiny}/forged.toml"], 2, "is not the card's"),
        (["--prior", "{tiny}/rgb.toml"], 2, "not this architecture"),
        (
            ["--prior", "fashion32"],
            2,
            "prior 'fashion32' is for images (1, 32, 32), dataset 'images' has (1, 16, 16)",
        ),
        (["--dataset", "nothing"], 2, "unknown data set 'nothing'"),
        (["--images", "9"], 2, "asks for 9 images, dataset 'images' has 8"),
        (["--device", "cuda:99"], 2, "--device cuda:99: not usable here"),
        (["--out", "{tiny}/mine.py/run"], 1, "cannot make {tiny}/mine.py/run/journal: Not a directory"),
        (["--shard", "4/3"], 2, "'4/3' is not i/n with 1 <= i <= n"),
        (["--save-images", "some"], 2, "'some' is none of all, none, first:N"),
        (["--sede", "1"], 2, "No such option"),
    ],
)
def test_bad_input_gives_one_clear_line(tiny, tmp_path, args, code, message):
    (tiny / "broken.py").write_text("1 / 0\n")
    (tiny / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    (tiny / "forged.toml").write_text(PRIOR.format(sha256="0" * 64, channels=1))
    (tiny / "rgb.toml").write_text((tiny / "tiny.toml").read_text().replace("channels = 1", "channels = 3"))
    result = run_tiny(tiny, tmp_path, *(arg.format(tiny=tiny) for arg in args))
    assert result.exit_code == code, result.stderr
    lines = [line for line in result.stderr.lower().splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert message.format(tiny=tiny).lower() in lines[0]
    assert not list(tmp_path.glob("journal/*.jsonl"))


def test_full_disk_is_one_line(tiny, tmp_path, monkeypatch):
    def full(self, record):
        raise StoreError(
            "cannot append: No space left on device. Records up to here are kept; run again to resume"
        )

    monkeypatch.setattr(Journal, "append", full)
    result = run_tiny(tiny, tmp_path, "--solver", "pinv")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("error: cannot append: No space left on device")


def test_damaged_image_is_one_line(tiny, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    build(folder)
    (folder / "images" / "im1.png").write_bytes(b"not a picture")
    result = run_tiny(folder, tmp_path / "run", "--solver", "pinv")
    assert result.exit_code == 2
    assert "im1.png" in result.stderr.splitlines()[-1]


@pytest.mark.long
def test_a_batch_that_does_not_fit_is_smaller_from_the_start(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.forecast.memory.free_memory", lambda _: 1e6)
    solved = run_tiny(tiny, tmp_path / "run", "--solver", "ddrm", "--task", "box")
    assert solved.exit_code == 0 and "batch 1: more images" in solved.stderr
    assert {record.batch for record in read_records(tmp_path / "run")[0]} == {1}
    asked = run_tiny(tiny, tmp_path / "asked", "--solver", "ddrm", "--task", "box", "--batch", "4")
    assert "batch" not in asked.stderr
    assert {record.batch for record in read_records(tmp_path / "asked")[0]} == {4}


MATRIX = """
name: m
dataset: exact-mixture2
prior: exact-mixture2
images: 2
samples_per_problem: 4
tasks:
  - {name: t, operator: matrix, params: {matrix: [[1, 0.5]]}, sigma: 0.1}
solvers:
  - {solver: ddrm, params: {steps: 3}}
"""


def test_a_matrix_in_a_suite(tmp_path):
    (tmp_path / "m.yaml").write_text(MATRIX)
    result = bench("run", "--suite", tmp_path / "m.yaml", "--out", tmp_path / "out", "--no-report")
    assert result.exit_code == 0, result.output
    assert {r.operator_params["matrix"][0][1] for r in read_records(tmp_path / "out")[0]} == {0.5}


@pytest.mark.long
def test_what_the_first_step_does_not_need_is_imported_later(tmp_path):
    """Guards the start-up time: LPIPS alone imports the compiler, a report matplotlib."""
    heavy = {"torchvision", "torch._dynamo", "lpips", "skimage", "matplotlib", "scipy", "triton", "gdown"}
    code = (
        "import os, sys\n"
        "import bench.run.solve as solve\n"
        "def stop(*_):\n"
        f"    print(*sorted({heavy!r} & set(sys.modules)), flush=True)\n"
        "    os._exit(7)\n"
        "solve.require_step = stop\n"
        "from bench.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "run", "--suite", "demo", "--images", "1", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (7, ""), done.stderr
