"""What there is: suites, data sets, priors, and which solver takes which operator."""

from bench.data import list_datasets
from bench.exact_worlds import WORLDS
from bench.operators import OPERATORS, make_operator, operator_parameters
from bench.operators.base import Operator
from bench.priors import list_priors
from bench.suites import list_suites
from solvers import ANCHORS, SOLVERS

SHAPE = (3, 32, 32)


def catalogue() -> str:
    """Plain text."""
    parts = [f"suites: {', '.join(list_suites())}", f"priors: {', '.join(list_priors())}; in closed form: {', '.join(WORLDS)}"]
    return "\n".join(
        [*parts, f"data sets: {', '.join(list_datasets())}", f"anchors: {', '.join(ANCHORS)}", "", compatibility()]
    )


def compatibility() -> str:
    """A grid of solvers x operators, and under it the reasons for the gaps."""
    width = max(map(len, OPERATORS))
    lines = [f"{'':{width}}  {'  '.join(SOLVERS)}"]
    gaps: dict[str, list[str]] = {}
    for name in OPERATORS:
        if any(p.default is p.empty for p in operator_parameters(name).values()):
            continue
        A = make_operator(name, SHAPE, [0])
        reasons = [reason_for(solver, A) for solver in SOLVERS]
        marks = ["-" if reason else "x" for reason in reasons]
        lines.append(f"{name:{width}}  {'  '.join(f'{m:^{len(s)}}' for m, s in zip(marks, SOLVERS, strict=True))}")
        for reason in filter(None, reasons):
            gaps.setdefault(reason, []).append(name)
    return "\n".join([*lines, "", *(f"- {name}: {reason}" for reason, names in gaps.items() for name in names)])


def reason_for(solver: str, A: Operator) -> str | None:
    """Why the solver, with its defaults, does not take the operator."""
    return SOLVERS[solver]().reject(A, None)
