"""Distances of samples to an exact posterior, each with the floor that as many exact samples leave.

They measure merit, not correctness: a wrong solver may be nearer to the posterior than the right one, which
is why `bench.certify.laws` tests the laws of a solver instead. No distance depends on choices of the linear
algebra library, such as the basis of an eigenspace. Where one changes for the same samples, raise
`bench.plan.cell.DISTANCES_REV`.
"""

import math
from typing import NamedTuple

import numpy as np
from torch import Tensor

from bench.exact.distances.draws import draw
from bench.exact.distances.problem import Problem, pose
from bench.stats.metric import Metric

__all__ = ["DISTANCES", "REPETITIONS", "Floor", "Problem", "floor", "pose", "score"]

REPETITIONS = 39
"""Fewest sets of exact draws that bound a further one at 95 %, whatever its distribution."""

DISTANCES: dict[str, Metric] = {
    "mmd": Metric(
        "MMD",
        3,
        False,
        "squared, unbiased, over the prior's; Gaussian kernel, median bandwidth of the posterior",
    ),
    "mmd_small": Metric(
        "MMD within", 3, False, "as MMD; squared bandwidth = the posterior's variance within a mode"
    ),
    "hpd_ks": Metric(
        "HPD-KS",
        3,
        False,
        "Kolmogorov-Smirnov distance of density ranks from uniform; in at most 8 directions",
    ),
    "mode_tv": Metric(
        "mode TV", 3, False, "total variation between the mode weights of the samples and of the posterior"
    ),
    "mean_gap_measured": Metric(
        "mean gap, measured", 3, False, "RMS over directions, in posterior standard deviations"
    ),
    "mean_gap_unmeasured": Metric(
        "mean gap, unmeasured", 3, False, "RMS over directions, in posterior standard deviations"
    ),
    "var_ratio_measured": Metric(
        "variance, measured", 2, None, "over the posterior's, mean over directions; 1 is right"
    ),
    "var_ratio_unmeasured": Metric(
        "variance, unmeasured", 2, None, "over the posterior's, mean over directions; 1 is right"
    ),
    "calibration": Metric(
        "calibration",
        2,
        None,
        "squared error of the mean of n samples over (n + 1) / n times their variance; 1 is right, above 1 "
        "is too sure, below 1 too wide; the error is expected over the exact posterior, or is that to the "
        "truth where only a network knows the prior",
    ),
    "ksd": Metric(
        "score-KSD",
        3,
        False,
        "squared kernel Stein discrepancy from the posterior's score, unbiased, in units of d / ell^2, so "
        "that samples that are all at the mode of a Gaussian have 1; inverse multiquadric kernel, ell^2 the "
        "posterior's variance within a mode; hardly sees the weights of modes. Where the prior is a network: "
        "its score at the smallest noise level and that of the likelihood, ell^2 half the median squared "
        "distance of the samples",
    ),
    "sw": Metric("SW2 / floor", 2, False, "sliced 2-Wasserstein distance over that of as many exact samples"),
    "sw_floor": Metric(
        "SW2 floor", 4, None, "sliced 2-Wasserstein distance of as many exact samples, in units of x"
    ),
    "w2": Metric(
        "W2", 3, False, "of the fitted Gaussians, in units of the posterior's total standard deviation"
    ),
    "kl": Metric("KL", 3, False, "of the fitted Gaussians, samples to posterior, in nats"),
}


class Floor(NamedTuple):
    """What exact samples score.

    ``low`` and ``high`` bound a further set of exact samples with at least 95 %: a ratio from both sides, a
    distance from above (``low`` is minus infinity). They are order statistics, valid whatever the
    distribution.
    """

    mean: float
    std: float
    low: float
    high: float


def score(samples: Tensor, problem: Problem) -> dict[str, float]:
    """The distances of one solver's samples to the posterior.

    Args:
        samples: (n, d) or (n, *shape), n >= 2, independent given y; their streams must not be those of "exact
            draws".
        problem: the first call prepares it, later ones are cheap.

    Returns:
        Those of `DISTANCES` that apply: ``mode_tv`` to mixtures, ``w2`` and ``kl`` to Gaussians (``kl`` with
            n > d), the split moments to subspaces that have directions.

    Raises:
        ValueError: too few samples, of another dimension, or not finite.
    """
    x = samples.detach().flatten(1).to("cpu", problem.A.dtype)
    d, finite = problem.A.shape[1], x.isfinite().all(1)
    if len(x) < 2 or x.shape[1] != d or not finite.all():
        raise ValueError(
            f"distances need at least two finite samples of {d} entries; "
            f"got {tuple(samples.shape)}, {int(finite.sum())} of them finite"
        )
    scores: dict[str, float] = {}
    for distance in problem.distances:
        scores |= distance(x)
    return scores


def floor(problem: Problem, n: int, repetitions: int = REPETITIONS) -> dict[str, Floor]:
    """What n exact samples score, from repeated sets of exact draws.

    Raises:
        ValueError: fewer repetitions than a 95 % limit needs.
    """
    if repetitions < REPETITIONS:
        raise ValueError(f"a 95 % limit needs at least {REPETITIONS} repetitions; got {repetitions}")
    values: dict[str, list[float]] = {}
    for i in range(repetitions):
        exact = draw(problem.posterior, n, problem.name, "floor", i)
        for name, value in score(exact, problem).items():
            values.setdefault(name, []).append(value)
    values.pop("sw_floor")
    return {name: _bounds(name, scored) for name, scored in values.items()}


def _bounds(name: str, values: list[float]) -> Floor:
    """The floor of one distance.

    A further value is below the k-th smallest of R values with probability k / (R + 1).
    """
    ordered, ranks = np.sort(values), len(values) + 1
    two_sided = DISTANCES[name].higher_is_better is None
    low = ordered[math.floor(0.025 * ranks) - 1] if two_sided else -math.inf
    high = ordered[math.ceil((0.975 if two_sided else 0.95) * ranks) - 1]
    return Floor(float(np.mean(values)), float(np.std(values, ddof=1)), float(low), float(high))
