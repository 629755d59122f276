"""The examples run as a user starts them, from the repository's root, and show what they promise."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bench.records import load
from tests import ROOT

EXAMPLES = ROOT / "examples"


def python(*words: str | Path) -> str:
    """What a process prints; a process that fails shows its errors."""
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(folder: Path, *options: str) -> pd.DataFrame:
    """The records of a run of suite `demo` on two images, without a report."""
    python("-m", "bench", "run", *options, "--images", "2", "--no-report", "--out", folder)
    return load(folder)


def test_the_list_names_every_example():
    there = {path.name for path in EXAMPLES.iterdir() if not path.name.startswith((".", "_", "README"))}
    listed = re.findall(r"^\| \[([\w.]+)/?\]", (EXAMPLES / "README.md").read_text(), re.M)
    assert set(listed) == there


@pytest.mark.long
def test_own_solver_is_compared_on_the_same_measurements(tmp_path):
    solver = "examples/own_solver/my_solver.py"
    assert "Card: " in python("-m", "bench", "check", solver)
    certified = python("-m", "bench", "certify", solver)
    assert "Mine: laws hold, by its author" in certified and "the laws see 3 of 3" in certified
    records = run(tmp_path, "--task", "inpaint_box", "--solver", solver, "--solver", "ddrm")
    assert set(records.solver) == {"Mine", "ddrm"} and set(records.status) == {"ok"}
    assert len(records) == 4 and records.groupby("image").y_hash.nunique().eq(1).all()


def test_the_card_names_the_class_and_its_parameters():
    card = yaml.safe_load((EXAMPLES / "own_solver" / "my_solver.yaml").read_text())
    source = (EXAMPLES / "own_solver" / "my_solver.py").read_text()
    tasks = card["presets"]["bench"]["fashion32"].values()
    assert f"class {card['class']}(Solver)" in source
    for parameter in [*card["search"], *(name for settings in tasks for name in settings)]:
        assert f"\n    {parameter}: " in source


@pytest.mark.long
def test_own_operator_keeps_the_contract_and_is_solved(tmp_path):
    operator = "examples/own_operator.py"
    python("-m", "bench", "check", operator)
    records = run(tmp_path, "--operator", operator, "--solver", "pinv", "--solver", "diffpir.steps=20")
    assert set(records.operator) == {"DoubleExposure"} and set(records.status) == {"ok"}
    by_image = records.pivot_table(index="image", columns="solver", values="psnr")
    assert (by_image.diffpir > by_image.pinv).all()


@pytest.mark.long
def test_own_photographs_are_solved(tmp_path):
    printed = python(EXAMPLES / "own_photographs.py", tmp_path)
    scores = re.findall(r"^ *(\w+) +ddrm-20 +(\d+\.\d+)$", printed, re.M)
    assert [name for name, _ in scores] == ["astronaut", "cat", "coffee", "rocket"]
    assert all(0 < float(psnr) < 100 for _, psnr in scores)


@pytest.mark.long
def test_records_in_pandas_agree_with_the_report():
    """The report's gap of a row is its difference to the best one, which DiffPIR is in three of six tasks."""
    printed = python(EXAMPLES / "records_in_pandas.py")
    assert "-0.00" not in printed
    report = pd.read_csv(ROOT / "reports" / "linear" / "tables.csv")
    ddrm = report[report.row == "ddrm-100"].set_index("task")
    best = report[(report.row == "diffpir-100") & (report.psnr_mark == "best")].task
    assert len(best) == 3
    for task in set(best) - {"blur_motion"}:  # which DDRM does not take
        (numbers,) = re.findall(rf"^{task} +64 +(.*?) +[\d.]+$", printed, re.M)
        gap = ddrm.loc[task, ["psnr_gap", "psnr_gap_high", "psnr_gap_low"]]
        mean, low, high = map(float, numbers.split())
        gap_mean, gap_low, gap_high = -gap.to_numpy(float)
        assert mean == pytest.approx(gap_mean, abs=0.006)
        assert gap_low < low < high < gap_high, "the interval of one pair is narrower than that of all"
