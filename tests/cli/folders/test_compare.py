"""`compare`: what is printed, kept, and the exit code of a gate."""

from dataclasses import replace

from tests.commands import bench
from tests.made_run import make_run, records


def test_a_gate_sets_the_exit_code(tmp_path):
    worse = [replace(r, metrics={"psnr": r.metrics["psnr"] - 0.1}) if r.metrics else r for r in records()]
    a, b = make_run(tmp_path / "a", records()), make_run(tmp_path / "b", worse)
    done = bench("compare", a, b, "--out", tmp_path / "out", "--gate", "psnr:-0.2")
    assert done.exit_code == 0 and done.stdout.startswith("# `a` → `b`") and "the gate holds" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"compare.md", "compare.csv", "images.csv"}
    done = bench("compare", a, b, "--gate", "psnr:-0.05")
    assert done.exit_code == 1 and "best: PSNR changed by −0.10, beyond -0.05" in done.stderr
    assert bench("compare", f"{a}:best", f"{a}:worse", "--columns", "psnr").exit_code == 0


def test_what_makes_no_sense_is_one_line(tmp_path):
    a = make_run(tmp_path / "a", records())
    for words, code in (
        ((a, a, "--gate", "psnr"), 2),
        ((a, a, "--gate", "psnt:1"), 2),
        ((a, f"{a}:bust"), 2),
        ((a, a, "--columns", "psnt"), 2),
        ((a, tmp_path / "none"), 1),
    ):
        done = bench("compare", *words)
        assert done.exit_code == code and "Traceback" not in done.output, words
