"""The text of `list`: suites, data sets, priors, and which solver takes which operator."""

from pathlib import Path

import torch

from bench.data import DataError, list_datasets, load_dataset
from bench.exact.prior import GaussianPrior
from bench.exact.problems import CLOSED_FORMS
from bench.operators import OPERATORS, make_operator, operator_parameters
from bench.operators.base import Operator
from bench.priors import list_priors, missing_files
from bench.suites.cards import list_cards
from bench.suites.methods import load_solver
from bench.suites.suite import list_suites

SHAPES = (3, 32, 32), (3, 256, 256)
"""Images on which operators are tried; some take only large ones."""
TAKEN, REFUSED, ABSENT = "x", "-", "?"
ANY_PRIOR = GaussianPrior(torch.zeros(1), torch.ones(1))
"""What a solver with its defaults takes does not depend on the prior."""
LEGEND = f"""\
Which solver, with its defaults, takes which operator:
{TAKEN} yes, {REFUSED} no, {ABSENT} unknown: the operator needs a file that is not here; reasons below"""


def catalogue(root: Path | None = None) -> str:
    """All that can be named in a suite, and a table of solvers and operators, as plain text.

    Args:
        root: where the user's images are.

    """
    parts = [
        f"suites: {', '.join(list_suites())}",
        f"priors: {', '.join(map(presence, list_priors()))}",
        f"priors in closed form: {', '.join(CLOSED_FORMS)}",
        datasets(root),
        f"solvers: {', '.join(solvers())}",
        f"anchors (rows to compare with, which are no methods): {', '.join(anchors())}",
    ]
    return "\n".join([*parts, "", compatibility()])


def solvers() -> list[str]:
    """The names of methods and baselines."""
    return [name for name, card in list_cards().items() if card.kind != "anchor"]


def anchors() -> list[str]:
    """The names of the rows that say what can be reached."""
    return [name for name, card in list_cards().items() if card.kind == "anchor"]


def datasets(root: Path | None) -> str:
    """The data sets that can be used, and those that cannot."""
    here, gone = [], []
    for name in list_datasets():
        try:
            load_dataset(name, root)
        except DataError:
            gone.append(name)
        else:
            here.append(name)
    missing = f"\nnot here (`python -m bench doctor` says why): {', '.join(gone)}" if gone else ""
    return f"data sets: {', '.join(here)}{missing}"


def presence(prior: str) -> str:
    """The name of a prior, and the command that fetches its weights where they are missing."""
    return f"{prior} (missing: fetch priors {prior})" if missing_files(prior) else prior


def compatibility() -> str:
    """A table of operators and solvers with a legend, and under it the reason for every gap."""
    width = max(map(len, OPERATORS))
    table = [f"{'':{width}}  {'  '.join(solvers())}"]
    gaps: dict[str, list[str]] = {}
    for name in OPERATORS:
        if needs_parameters(name):
            continue
        marks, reasons = row(name)
        cells = [f"{mark:^{len(solver)}}" for mark, solver in zip(marks, solvers(), strict=True)]
        table.append(f"{name:{width}}  {'  '.join(cells)}".rstrip())
        for reason in reasons:
            gaps.setdefault(reason, []).append(name)
    lines = [*table, "", "Reasons:"]
    for reason, names in gaps.items():
        lines += [f"- {name}: {reason}" for name in names]
    return "\n".join([LEGEND, "", *lines])


def needs_parameters(operator: str) -> bool:
    """Whether an operator has a parameter without a default, such as a matrix."""
    return any(p.default is p.empty for p in operator_parameters(operator).values())


def row(operator: str) -> tuple[list[str], list[str]]:
    """The mark of each solver for an operator, and the reasons behind marks other than TAKEN."""
    A = built(operator)
    if isinstance(A, str):
        return [ABSENT] * len(solvers()), [A.removeprefix(operator).lstrip(": ")]
    marks, reasons = [], []
    for solver in solvers():
        reason = reason_for(solver, A)
        marks.append(REFUSED if reason else TAKEN)
        if reason:
            reasons.append(reason)
    return marks, reasons


def built(name: str) -> Operator | str:
    """The operator for the first of SHAPES that it takes, or why it takes none.

    It takes none where the user has to supply a file.
    """
    reason = ""
    for shape in SHAPES:
        try:
            return make_operator(name, shape, [0])
        except ValueError as error:
            reason = str(error)
    return reason


def reason_for(solver: str, A: Operator) -> str | None:
    """Why the solver, with its defaults, does not take the operator; None where it does."""
    return load_solver(solver).cls().reject(A, ANY_PRIOR)
