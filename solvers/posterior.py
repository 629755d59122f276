"""The exact posterior, which the anchors draw from: a helper of theirs, and no method."""

from bench.exact.prior import ExactPrior
from bench.solver import LinearOperator, Measurement, Prior, Solver


def needs_exact(solver: Solver, prior: Prior) -> str | None:
    """Why there is no posterior, or None where there is."""
    if isinstance(prior, ExactPrior):
        return None
    name = getattr(prior, "name", "this one")
    return f"{type(solver).__name__} needs a prior in closed form; '{name}' is none"


def posterior(measurement: Measurement[LinearOperator], prior: Prior) -> Prior:
    """The posterior of x given y, one per image, or a single one where all rows are the same problem."""
    y, A, sigma = measurement
    same = len(set(A.seeds)) == 1 and bool((y == y[:1]).all())
    return prior.posterior(y[:1], A[:1], sigma) if same else prior.posterior(y, A, sigma)
