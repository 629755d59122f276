"""The README is short, and its solver is complete: copied into a file, it keeps the contract, well within a
minute."""

import re
import time

from bench.checks.solver import check_solver
from bench.suites.methods import load_solver
from tests import ROOT

README = ROOT / "README.md"


def test_the_example_solver_keeps_the_contract(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (example,) = [text for text in blocks if "class Mine" in text]
    (tmp_path / "my_solver.py").write_text(example)
    start = time.monotonic()
    promises = check_solver(load_solver(f"{tmp_path}/my_solver.py:Mine").cls)
    assert [promise for promise in promises if promise.broken] == []
    assert time.monotonic() - start < 60


def test_the_example_solver_and_its_card_are_those_of_the_examples():
    folder = ROOT / "examples" / "own_solver"
    for language, name in (("python", "my_solver.py"), ("yaml", "my_solver.yaml")):
        (shown,) = re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)
        assert (folder / name).read_text().endswith(shown), name


def test_the_readme_takes_three_minutes():
    words = [word for word in README.read_text().split() if any(map(str.isalnum, word))]
    assert len(words) <= 900
