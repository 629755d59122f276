"""A comment in a user's file keeps its results; after any other change, a run says what it does not use."""

import pytest
from click.testing import CliRunner

from bench import operators
from bench.cli import cli
from bench.records.journal import read_records
from tests.checks.test_operator import FLIP
from tests.tiny import build


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    build(folder)
    (folder / "flip.py").write_text(FLIP.format(factor=1.0))
    return folder


def run(world, out, *args):
    operators._class.cache_clear()
    start = [
        "run",
        "--suite",
        world / "tiny.yaml",
        "--out",
        out,
        "--no-report",
        "--progress",
        "none",
        "--images",
        "2",
    ]
    done = CliRunner().invoke(cli, [str(arg) for arg in (*start, *args)])
    assert done.exit_code == 0, done.output
    return [line for line in done.output.splitlines() if line.startswith("note: ")], len(read_records(out)[0])


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_solver(world, tmp_path):
    file = world / "mine.py"
    asked = ("--solver", f"{file}:Mine.steps=2,3", "--solver", "pinv", "--task", "box")
    assert run(world, tmp_path, *asked) == ([], 6)
    edit(file, "Does as it is told.", "Does what it is told to do.")
    edit(file, "x = 0.9 * x", "x = (0.9 * x)  # a comment")
    assert run(world, tmp_path, *asked) == ([], 6), "no other code, nothing to compute"
    edit(file, "(0.9 * x)", "(0.8 * x)")
    says = "were made with another version of mine.py; they are kept and not used"
    notes = [f"note: 2 records of Mine[steps={k}] {says}" for k in (2, 3)]
    assert run(world, tmp_path, *asked, "--dry-run") == (notes, 6)
    assert run(world, tmp_path, *asked) == (notes, 10)
    only = ("--solver", f"{file}:Mine.steps=3", "--task", "box2")
    assert run(world, tmp_path, *only)[0] == [], "no record of that task"


def test_an_operator(world, tmp_path):
    file = world / "flip.py"
    asked = ("--operator", f"{file}:Flip", "--solver", "dps", "--solver", "pinv", "--images", "1")
    assert run(world, tmp_path, *asked)[0] == []
    edit(file, '"""An operator of a user\'s own."""', "# An operator")
    assert run(world, tmp_path, *asked) == ([], 2)
    edit(file, "class Flip(LinearOperator):", "class Flip(LinearOperator):\n    rev = 2\n")
    note = "note: 2 records of Flip were made with another version of flip.py; they are kept and not used"
    assert run(world, tmp_path, *asked) == ([note], 4)
