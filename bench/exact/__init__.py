"""Priors in closed form, whose posteriors are known.

`prior` holds them, `problems` draws problems from them by name, `distances` compares samples with a
posterior, and `laws` holds what the closed-form properties of solvers are made of.
"""

from bench.exact.prior import ExactPrior, GaussianPrior, MixturePrior, dense

__all__ = ["ExactPrior", "GaussianPrior", "MixturePrior", "dense"]
