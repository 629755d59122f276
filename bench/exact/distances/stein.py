"""Kernel Stein discrepancy: samples against the score of their distribution, without a sample of it.

It needs no normalised density and no ground truth, so that a network's score will do, too (Liu, Lee & Jordan
2016, arXiv 1602.03253; Chwialkowski, Strathmann & Gretton 2016, arXiv 1602.02964). The kernel is the inverse
multiquadric k(x, x') = (1 + ||x - x'||^2 / ell^2)^(-1/2), with which samples that do not converge are seen
(Gorham & Mackey 2017, arXiv 1703.01717).

It has a known blindness: the score hardly knows the weights of modes that lie apart, and so neither does it.
"""

import math

import torch
from torch import Tensor

from bench.exact.distances.kernel import within_modes
from bench.exact.prior import MixturePrior
from bench.operators.base import Operator
from bench.prior import Prior
from bench.solver import Measurement

CHUNK = 2**21
"""Most pairs held at once (16 MB a matrix)."""


def stein_discrepancy(x: Tensor, score: Tensor, ell2: float) -> float:
    """Unbiased squared kernel Stein discrepancy in units of d / ell^2.

    Its expectation is 0 for exact samples, and it may be below 0. Samples that all lie on one point where the
    score is 0, such as the mode of a Gaussian, have 1.

    Args:
        x: (n, d) float64, n >= 2.
        score: grad log p at each sample, (n, d).
        ell2: squared bandwidth > 0, in units of x squared.
    """
    n, d = x.shape
    x = x - x.mean(0)  # distances from inner products keep their digits
    own, norms, total = (x * score).sum(1), x.square().sum(1), 0.0
    step = max(1, CHUNK // n)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        squares = (norms[rows, None] + norms - 2 * x[rows] @ x.T).clamp_min(0)
        along = own[rows, None] + own - score[rows] @ x.T - x[rows] @ score.T
        q = 1 + squares / ell2
        terms = score[rows] @ score.T * q**-0.5 + (along + d) / ell2 * q**-1.5
        total += (terms - 3 * squares / ell2**2 * q**-2.5).sum().item()
    itself = (score.square().sum() + n * d / ell2).item()
    value = ell2 / d * (total - itself) / (n * (n - 1))
    return value if math.isfinite(value) else math.inf


class SteinDistance:
    """``ksd``: `stein_discrepancy` from the posterior's exact score.

    The bandwidth is that of ``mmd_small``: ell^2 is the posterior's variance within a mode, summed over the
    directions and averaged over the modes. It does not depend on the samples.
    """

    def __init__(self, posterior: MixturePrior) -> None:
        self.posterior, self.ell2 = posterior, within_modes(posterior)

    def __call__(self, x: Tensor) -> dict[str, float]:
        """(n, d), n >= 2 -> ``ksd``."""
        return {"ksd": stein_discrepancy(x, self.posterior.score(x).flatten(1), self.ell2)}


def learned_score(x: Tensor, prior: Prior, measurement: Measurement[Operator]) -> Tensor:
    """The score of the posterior of samples of one y, from a denoiser at the smallest noise level it knows.

    It is that of the prior, smoothed by the noise-to-signal ratio r of that level, plus that of the
    likelihood: (E[x0 | x] - x) / r^2 + grad log p(y | x). One network evaluation a sample.

    Args:
        x: (n, *shape), in the dtype and on the device of the prior.
        prior: any, at its own schedule.
        measurement: of one image.

    Returns:
        (n, *shape).
    """
    t, n, y = prior.schedule.level(0), len(x), measurement.y
    Ax, pull = measurement.A.repeat_interleave(n).vjp(x)
    likelihood = pull(measurement.noise.repeat_interleave(n).score(Ax, y.repeat_interleave(n, 0)))
    return (prior.denoise(t.alpha * x, t) - x) / t.ratio**2 + likelihood


def median_square(x: Tensor) -> float:
    """Half the median squared distance of all pairs of samples, (n, d): near their total variance.

    It is the bandwidth where the posterior, and so the variance within its modes, is not known.
    """
    return 0.5 * torch.nn.functional.pdist(x).square().median().item()
