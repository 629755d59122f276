"""Names found in files are those that the code has."""

import subprocess
import sys

import pytest

from bench.data import list_datasets
from bench.operators import OPERATORS
from bench.priors import list_priors
from bench.solver import Solver
from bench.suites import known
from bench.suites.cards import list_cards
from bench.suites.changes import override
from bench.suites.methods import load_solver, parameters
from bench.suites.suite import load_suite
from bench.suites.yamlfile import SuiteError
from tests import ROOT


def test_names_are_those_of_the_code():
    assert known.operators() == tuple(OPERATORS)
    assert (known.priors(), known.datasets()) == (list_priors(), list_datasets())
    for solver in list_cards():
        cls = load_solver(solver).cls
        own = tuple(parameters(cls)) if cls.__bases__ == (Solver,) else ()
        assert known.parameters(solver) == own, solver


def test_every_wrong_name_is_a_line():
    suite = override(load_suite("demo"), ["dps.zta=1", "absent.py"], prior="fashon32", dataset="fashion23")
    tasks = [task.model_copy(update={"operator": "blur_gaus"}) for task in suite.tasks[:1]]
    rows = [suite.solvers[0].model_copy(update={"preset": "bnech"}), *suite.solvers]
    with pytest.raises(SuiteError) as error:
        known.check_names(suite.model_copy(update={"tasks": tasks, "solvers": rows}))
    lines = str(error.value).splitlines()
    assert len(lines) == 6
    for line, words in zip(
        lines,
        ["'fashion32'", "'fashion32'", "'blur_gauss'", "'bench'", "(did you mean 'zeta'?)", "no such file"],
        strict=True,
    ):
        assert words in line
    for suite in ("demo", "linear", "exact", "ffhq-noisy"):
        known.check_names(load_suite(suite))


def without_torch(*words):
    """Runs a command in a process in which torch cannot be imported."""
    code = "import sys\nsys.modules['torch'] = None\nfrom bench.cli import main\nmain()\n"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "words",
    [
        *("--suite demmo", "--solver dsp", "--solver dps.zta=1", "--task bx", "--prior fashon32"),
        *("--dataset fashon", "--operator hrd", "--solver absent.py", "--seed 1_0", "--solver dps.zeta=.inf"),
        *("check ddmr", "check absent.py", "certify ddmr", "certify absent.py"),
    ],
)
def test_a_typo_is_refused_before_torch_is_loaded(words):
    verb = [] if words.startswith("c") else ["run"]
    done = without_torch(*verb, *words.split())
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("run --suite demo --solver pinv", "suite demo: 1 row, "),
        ("check ddrm", "check ddrm; loading torch"),
        ("certify ddrm", "certify ddrm; loading torch"),
        ("list", "list; loading torch"),
        ("verify results/reference/exact", "results/reference/exact: "),
    ],
)
def test_a_first_line_comes_before_torch(words, line):
    done = without_torch(*words.split())
    assert done.stderr.startswith(line)
    assert "import of torch halted" in done.stderr
