"""Where samples lie in the posterior's regions of highest density, and how they share out over its modes."""

from torch import Tensor

from bench.exact.distances.draws import draw
from bench.exact.prior import MixturePrior

RANK_DRAWS = 2**14
"""Exact draws that samples are ranked among; they add 3 % to the floor at 1000 samples."""


class DensityRanks:
    """``hpd_ks``: Kolmogorov-Smirnov distance of the samples' density ranks from the uniform; 0 to 1.

    The rank of x is u = P(log p(X | y) <= log p(x | y)) for an exact X. 1 - u is the content of the smallest
    highest-density region that holds x. Samples that are too narrow have large u, too wide or displaced ones
    small u.

    Args:
        posterior: one distribution.
        view: (p, d), the directions in which it is looked at, or None for all: in high dimension log p
            concentrates so much that every approximate sampler is at distance 1.
        name: of the problem.
    """

    def __init__(self, posterior: MixturePrior, view: Tensor | None, name: str) -> None:
        self.view, self.distribution = view, posterior if view is None else posterior.project(view)
        exact = draw(self.distribution, RANK_DRAWS, name, "ranks")
        self.exact = self.distribution.log_density(exact).numpy()

    def __call__(self, x: Tensor) -> dict[str, float]:
        """(n, d) -> ``hpd_ks``."""
        from scipy.stats import ks_2samp  # here, since it takes half a second

        seen = x if self.view is None else x @ self.view.T
        density = self.distribution.log_density(seen).numpy()
        # The distance of u from the uniform is that between the two sets of log densities.
        return {"hpd_ks": float(ks_2samp(density, self.exact, method="asymp").statistic)}


class ModeWeights:
    """``mode_tv``: total variation between the modes' weights in the samples and in the posterior; 0 to 1.

    A sample's weights are its responsibilities rather than its nearest mode: their mean over exact samples is
    the posterior's weights, also where modes overlap.
    """

    def __init__(self, posterior: MixturePrior) -> None:
        self.posterior = posterior

    def __call__(self, x: Tensor) -> dict[str, float]:
        """(n, d) -> ``mode_tv``."""
        gap = self.posterior.responsibilities(x).mean(0) - self.posterior.log_weights[0].exp()
        return {"mode_tv": 0.5 * gap.abs().sum().item()}
