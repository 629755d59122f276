"""`merge`: what it says and its exit code."""

from dataclasses import replace

from tests.commands import bench
from tests.made_run import make_run, records


def test_conflicts_are_named_and_give_an_exit_code(tmp_path):
    a = make_run(tmp_path / "a", records())
    other = [replace(r, nfe=7) if r.label == "best" else r for r in records()]
    b = make_run(tmp_path / "b", other)
    done = bench("merge", a, a, "--out", tmp_path / "same")
    assert done.exit_code == 0 and done.stdout == f"{tmp_path}/same: 60 records of 2 folders\n"
    done = bench("merge", a, b, "--out", tmp_path / "c")
    assert done.exit_code == 1 and "12 keys with another result" in done.stderr
    assert f"nfe 20 and 7: {a} is kept, {b} is left out" in done.stderr
    assert bench("report", "--from", tmp_path / "c", "--out", tmp_path / "out").exit_code == 0
    assert bench("merge", a, b, "--out", tmp_path / "c").exit_code == 1, "it is there already"
    assert bench("merge", a, "--out", tmp_path / "d").exit_code == 2
