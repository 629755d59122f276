"""What there is: suites, data sets, priors, and which solver takes which operator."""

from pathlib import Path

from bench.data import DataError, list_datasets, load_dataset
from bench.exact.problems import CLOSED_FORMS
from bench.operators import OPERATORS, make_operator, operator_parameters
from bench.operators.base import Operator
from bench.priors import list_priors, missing_files
from bench.suites.suite import list_suites
from solvers import ANCHORS, SOLVERS

SHAPES = (3, 32, 32), (3, 256, 256)
"""Images to try operators on; some take none but large ones."""


def catalogue(root: Path | None = None) -> str:
    """Plain text.

    Args:
        root: where the user's images are.

    """
    priors = f"{', '.join(map(presence, list_priors()))}; in closed form: {', '.join(CLOSED_FORMS)}"
    parts = [
        f"suites: {', '.join(list_suites())}",
        f"priors: {priors}",
        datasets(root),
        f"anchors: {', '.join(ANCHORS)}",
    ]
    return "\n".join([*parts, "", compatibility()])


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
    """Its name, and that its weights are missing."""
    return f"{prior} (missing: fetch priors {prior})" if missing_files(prior) else prior


def compatibility() -> str:
    """A grid of solvers x operators, and under it the reasons for the gaps; "?" where an operator cannot be
    built here.
    """
    width = max(map(len, OPERATORS))
    lines = [f"{'':{width}}  {'  '.join(SOLVERS)}"]
    gaps: dict[str, list[str]] = {}
    for name in OPERATORS:
        if any(p.default is p.empty for p in operator_parameters(name).values()):
            continue
        A = built(name)
        if isinstance(A, str):
            reasons, marks = [A.removeprefix(name).lstrip(": ")], ["?"] * len(SOLVERS)
        else:
            reasons = [reason_for(solver, A) for solver in SOLVERS]
            marks = ["-" if reason else "x" for reason in reasons]
        lines.append(
            f"{name:{width}}  {'  '.join(f'{m:^{len(s)}}' for m, s in zip(marks, SOLVERS, strict=True))}"
        )
        for reason in filter(None, reasons):
            gaps.setdefault(reason, []).append(name)
    return "\n".join(
        [*lines, "", *(f"- {name}: {reason}" for reason, names in gaps.items() for name in names)]
    )


def built(name: str) -> Operator | str:
    """The operator for the first of SHAPES that it takes, or why it takes none, as where the user has to
    supply a file.
    """
    for shape in SHAPES:
        try:
            return make_operator(name, shape, [0])
        except ValueError as error:
            reason = str(error)
    return reason


def reason_for(solver: str, A: Operator) -> str | None:
    """Why the solver, with its defaults, does not take the operator."""
    return SOLVERS[solver]().reject(A, None)
