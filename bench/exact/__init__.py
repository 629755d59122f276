"""Priors with known posteriors (`prior`), problems drawn from them by name (`problems`), and distances to the
posterior.
"""

from bench.exact.prior import ExactPrior, GaussianPrior, MixturePrior, dense

__all__ = ["ExactPrior", "GaussianPrior", "MixturePrior", "dense"]
