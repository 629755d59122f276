"""A method is added by new files only: to a copy of the tree, and in a user's folder."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from bench.records.journal import read_records
from tests import ROOT
from tests.commands import bench
from tests.made_method import write_method
from tests.tiny import build, scored_by_psnr

pytestmark = pytest.mark.long


def params(folder):
    """Task -> steps and eta of the records of one row."""
    records, _ = read_records(folder)
    assert {(record.status, record.preset) for record in records} == {("ok", "bench")}
    assert len({record.label for record in records}) == 1
    return {record.task: (record.params["steps"], record.params["eta"]) for record in records}


SETTINGS = {"box": (3, 0.85), "box2": (3, 0.5)}


def test_new_files_add_a_method_to_ours(tmp_path):
    tree = tmp_path / "tree"
    for folder in ("bench", "solvers", "datasets"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    write_method(tree / "solvers" / "toy.py", tree / "solvers" / "laws" / "toy.py")
    assert all(path.read_bytes() == content for path, content in before.items())
    suite, out = scored_by_psnr(build(tmp_path / "world")), tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}

    def python(*words):
        command = [sys.executable, "-m", "bench", *map(str, words)]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    solvers = next(line for line in python("list").splitlines() if line.startswith("solvers: "))
    assert solvers.endswith(", toy"), "in the order of its card"
    python("run", "--suite", suite, "--solver", "toy", "--images", "1", "--out", out, "--no-report")
    assert params(out) == SETTINGS
    python("report", "--from", out)
    assert "| toy " in (out / "report" / "report.md").read_text()
    assert "Not certified: `python -m bench certify toy` measures its laws" in python("check", "toy")
    printed = python("certify", "toy", "--write")
    assert printed.startswith("toy: certified at revision 1") and printed.count("PASS") == 2
    assert "Certified: 2 closed-form laws hold for this code" in python("check", "toy")


def test_new_files_are_a_method_in_a_folder_of_their_own(tmp_path):
    folder, out = tmp_path / "my methods", tmp_path / "out"
    mine = folder / "my_solver.py"
    write_method(mine, folder / "my_solver_laws.py")
    suite = scored_by_psnr(build(tmp_path / "world"))
    run = bench(
        "run", "--suite", suite, "--solver", mine, "--images", "1", "--out", out, "--progress", "plain"
    )
    assert run.exit_code == 0, run.output
    assert params(out) == SETTINGS

    check = bench("check", f"{mine}:Toy")
    assert check.exit_code == 0, check.output
    assert f"Card: {mine.with_suffix('.yaml')}." in check.stdout
    assert (
        f"Laws: {folder / 'my_solver_laws.py'} has 2, by its author; `python -m bench certify '"
        in check.stdout
    )
    certified = bench("certify", mine)
    assert certified.exit_code == 0, certified.output
    assert certified.stdout.startswith("Toy: laws hold, by its author, code ")
    assert certified.stdout.count("PASS") == 2 and "wrong variants: the laws see 2 of 2" in certified.stdout
    assert "    bench: " in certified.stdout, "how its preset deviates"

    shutil.rmtree(out / "report")
    folder.rename(tmp_path / "moved")
    report = bench("report", "--from", out)
    assert report.exit_code == 0, report.output
    assert "Toy" in (out / "report" / "report.md").read_text()


def test_certify_and_check_tell_what_is_missing_or_wrong(tmp_path):
    mine, laws = tmp_path / "my_solver.py", tmp_path / "my_solver_laws.py"
    write_method(mine, laws)
    text = laws.read_text()
    laws.write_text(text.replace("gap(step.x, step.x0)", "0 * gap(step.x, step.x0)"))
    blind = bench("certify", mine)
    assert blind.exit_code == 1 and "1 of 2" in blind.stdout
    assert "FAIL  'last state = last estimate' holds for the wrong variant" in blind.stdout
    assert blind.stdout.startswith("Toy: laws hold but miss wrong variants, by its author, code ")
    assert blind.stderr.endswith("\nerror: 1 wrong variant is not seen\n")
    laws.write_text(text.replace(', ("noise in the last step",)', ""))
    idle = bench("certify", mine)
    assert idle.exit_code == 0 and "the laws see 1 of 1" in idle.stdout
    assert "\n  not tried: no law names the wrong variant 'noise in the last step'; add" in idle.stdout
    laws.write_text(text.replace("gap(step.x, step.x0)", "gap(step.x, step.gone)"))
    raising = bench("certify", mine)
    assert raising.exit_code == 1 and raising.stdout.startswith("Toy: laws FAIL, by its author")
    line = next(n for n, line in enumerate(text.splitlines(), 1) if "gap(step.x, step.x0)" in line)
    said = r"\n    FAIL  'last state = last estimate' raised on Toy: AttributeError: .* \(my_solver_laws.py:"
    assert re.search(rf"{said}{line}\)\n", raising.stdout), raising.stdout
    assert "PASS" in raising.stdout and "the laws see 1 of 2" in raising.stdout
    assert raising.stderr.endswith("\nerror: 1 law fails\n")
    laws.write_text(text.replace("gap(step.x, step.x0)", "1 + gap(step.x, step.x0)"))
    broken = bench("certify", mine)
    assert broken.exit_code == 1 and broken.stdout.startswith("Toy: laws FAIL, by its author")
    laws.write_text("LAWS = []\n")
    empty = bench("certify", mine)
    assert empty.exit_code == 2 and "my_solver_laws.py: define LAWS" in empty.stderr
    for path in (laws, mine.with_suffix(".yaml")):
        path.unlink()
    none = bench("certify", f"{mine}:Toy")
    assert none.exit_code == 2
    assert f"\nerror: no laws for {mine}:Toy; write them into my_solver_laws.py beside it\n" in none.stderr
    check = bench("check", f"{mine}:Toy").stdout
    assert "No card: my_solver.yaml beside it" in check and "No laws: my_solver_laws.py beside it" in check
