"""Maximum mean discrepancy to a Gaussian mixture in closed form.

No sample stands for the mixture, so there is no noise but the solver's own. The kernel is
k(x, x') = exp(-||x - x'||^2 / (2 ell^2)). Its expectation under a Gaussian is again a Gaussian function, with
ell^2 added to the variances (Gretton et al. 2012, JMLR 13, for the distance; the integrals are Gaussian
convolutions).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from bench.exact.distances.draws import draw
from bench.exact.prior import MixturePrior
from bench.schedule import Level

MEDIAN_DRAWS = 500
"""Exact draws whose pairwise distances give the median bandwidth."""


def expected_kernel(p: MixturePrior, q: MixturePrior, ell2: float) -> float:
    """E k(X, X') of independent X ~ p and X' ~ q.

    Args:
        p, q: one distribution each, of the same dimension d.
        ell2: squared bandwidth, in units of x squared.
    """
    means_p, means_q = p.component_means()[0], q.component_means()[0]
    covs_p, d = p.component_covariances()[0], means_p.shape[1]
    covs_q = q.component_covariances()[0] + ell2 * torch.eye(d, dtype=means_q.dtype)
    groups = means_p[:, None] if len(covs_p) > 1 else means_p[None]
    logs = []
    for cov, means in zip(covs_p, groups, strict=True):
        root = torch.linalg.cholesky(cov + covs_q)
        gaps = (means - means_q[:, None]).mT
        quadratic = torch.linalg.solve_triangular(root, gaps, upper=False).square().sum(1)
        logs.append(-0.5 * quadratic - root.diagonal(dim1=-2, dim2=-1).log().sum(-1, keepdim=True))
    log_k = torch.cat(logs, 1) + 0.5 * d * math.log(ell2)
    return (log_k + p.log_weights[0] + q.log_weights[0][:, None]).exp().sum().item()


def mean_embedding(p: MixturePrior, x: Tensor, ell2: float) -> Tensor:
    """E k(x, X), X ~ p, (n, d) -> (n,): up to its constant the density of p after noise of variance ell^2."""
    smoothed = p.log_density(x, Level(math.nan, 1.0, math.sqrt(ell2)))
    return (smoothed + 0.5 * x.shape[1] * math.log(2 * math.pi * ell2)).exp()


def within_modes(p: MixturePrior) -> float:
    """The variance of one distribution within a mode, summed over directions and averaged over modes."""
    weights = p.log_weights[0].exp()
    return (p.variances[0].sum(-1).expand(len(weights)) @ weights).item()


def mmd2(x: Tensor, p: MixturePrior, ell2: float) -> float:
    """Unbiased squared MMD between samples and a distribution.

    Its expectation is 0 for exact samples, and it may be below 0.

    Args:
        x: (n, d), n >= 2.
        p: one distribution.
        ell2: squared bandwidth.
    """
    return _mmd2(x, _squares(x), p, ell2, expected_kernel(p, p, ell2))


def _squares(x: Tensor) -> Tensor:
    """Squared distances of all pairs, (n, d) -> (n (n - 1) / 2,).

    In few dimensions scipy is ten times faster than torch.
    """
    from scipy.spatial.distance import pdist  # here: most runs need none of it

    return torch.from_numpy(pdist(x.numpy(), "sqeuclidean"))


def _mmd2(x: Tensor, squares: Tensor, p: MixturePrior, ell2: float, self_term: float) -> float:
    """`mmd2` where the samples' squared distances and the distribution's own term are known."""
    within = squares.mul(-0.5 / ell2).exp().mean()
    return (within - 2 * mean_embedding(p, x, ell2).mean()).item() + self_term


class _Bandwidth(NamedTuple):
    ell2: float
    self_term: float
    """E k(X, X') under the posterior."""
    scale: float
    """The prior's squared MMD to the posterior."""


class KernelDistance:
    """Squared MMD to the posterior as a fraction of the prior's.

    It is 0 for exact samples and 1 for a solver that ignores y. ``mmd`` has as bandwidth the median distance
    between two draws of the posterior, over all pairs of `MEDIAN_DRAWS` exact draws of a fixed stream.
    ``mmd_small`` looks within the modes: its ell^2 is the posterior's variance within a mode, summed over the
    directions and averaged over the modes. Neither depends on the samples. Where y says little, the prior is
    near the posterior, and the fraction is of little: read it against its floor.
    """

    def __init__(self, prior: MixturePrior, posterior: MixturePrior, name: str) -> None:
        self.posterior = posterior
        median = _squares(draw(posterior, MEDIAN_DRAWS, name, "bandwidth")).median().item()
        self.bandwidths = {
            "mmd": self._scaled(prior, median),
            "mmd_small": self._scaled(prior, within_modes(posterior)),
        }

    def _scaled(self, prior: MixturePrior, ell2: float) -> _Bandwidth:
        own = expected_kernel(self.posterior, self.posterior, ell2)
        cross = expected_kernel(prior, self.posterior, ell2)
        return _Bandwidth(ell2, own, expected_kernel(prior, prior, ell2) - 2 * cross + own)

    def __call__(self, x: Tensor) -> dict[str, float]:
        """(n, d) -> ``mmd`` and ``mmd_small``."""
        squares, scores = _squares(x), {}
        for name, b in self.bandwidths.items():
            scores[name] = _mmd2(x, squares, self.posterior, b.ell2, b.self_term) / b.scale
        return scores
