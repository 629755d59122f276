"""Pieces that several methods are made of.

The exact Gaussian conditional, the grid of flow methods, the probability-flow ODE, steps of optimisers and
their unit, and the resampling of particles.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam as adam_step

from bench.noise import Noise
from bench.operators.base import LinearOperator, Operator, per_image
from bench.prior import Prior
from bench.schedule import Level, Schedule, ddim

TOLERANCE = 1e-6
"""Relative residual of conjugate gradients in a draw, whose error would be one of its distribution."""
Spread = float | Tensor
"""A standard deviation, or one per image, (B,) or (B, 1, ...)."""


def conditional_mean(x: Tensor, y: Tensor, A: LinearOperator, r: Spread, sigma: Spread) -> Tensor:
    """The mean, and the mode, of N(z; x, r^2 I) N(y; A z, sigma^2 I), (B, *shape).

    It minimises ||A z - y||^2 / sigma^2 + ||z - x||^2 / r^2.

    Args:
        x: (B, *shape).
        y: (B, *m).
        r: > 0.
        sigma: >= 0; 0 conditions on A z = y, up to the cutoff of A+.
    """
    return x + A.pinv(y - A(x), damping=(per_image(sigma, x) / per_image(r, x)) ** 2)


def conditional_draw(
    x: Tensor, y: Tensor, A: LinearOperator, r: Spread, sigma: Spread, noise: Noise
) -> Tensor:
    """A draw from N(z; x, r^2 I) N(y; A z, sigma^2 I), (B, *shape), by one pseudo-inverse (Matheron's rule).

    It is exact to the rounding of a known singular value decomposition, else to that of conjugate gradients
    with a relative residual of 1e-6.

    Args:
        x, y, A, r, sigma: as of `conditional_mean`.
        noise: gives two draws, one like x and one like y.
    """
    z, n = noise.like(x), noise.like(y)
    if A.measured is not None:
        n = n * A.measured
    start = x + per_image(r, x) * z
    return conditional_mean(start, y + per_image(sigma, y) * n, A.solving_to(TOLERANCE), r, sigma)


class FlowLevel(NamedTuple):
    """A time of a flow x_tau = tau x0 + (1 - tau) eps, from noise (tau = 0) to the image (tau = 1).

    A step of Euler along the flow is the step of DDIM with eta = 0 between the same two ratios, so a method
    that is written for flows runs on every prior::

        x0 = prior.denoise(u.scale * x, u.level)
        eps = (x - u.tau * x0) / (1 - u.tau)
    """

    tau: float
    level: Level[float]
    """The prior's level of the ratio (1 - tau) / tau, clipped to the range that the prior knows."""
    scale: float
    """What takes x_tau to that level: its noise then has the standard deviation ``level.sigma``."""

    @property
    def variance(self) -> float:
        """Var[x0 | x_tau] for x0 ~ N(0, 1), (1 - tau)^2 / (tau^2 + (1 - tau)^2)."""
        return (1 - self.tau) ** 2 / (self.tau**2 + (1 - self.tau) ** 2)


def flow_levels(schedule: Schedule, n: int, start: float = 0.0) -> list[FlowLevel]:
    """N + 1 equidistant times from ``start`` to 1; a method of n evaluations asks the prior at the first n.

    >>> from bench.schedule import VPSchedule
    >>> [(u.tau, round(u.level.ratio, 2)) for u in flow_levels(VPSchedule(), 4)]
    [(0.0, 157.41), (0.25, 3.0), (0.5, 1.0), (0.75, 0.33), (1.0, 0.01)]
    """
    return [_flow_level(schedule, start + (1 - start) * k / n) for k in range(n + 1)]


def _flow_level(schedule: Schedule, tau: float) -> FlowLevel:
    smallest, largest = schedule.level(0).ratio, schedule.level(schedule.T - 1).ratio
    ratio = (1 - tau) / tau if tau > 0 else largest
    level = schedule.at(min(max(ratio, smallest), largest))
    return FlowLevel(tau, level, level.sigma / (1 - tau) if ratio > smallest else level.alpha / tau)


def probability_flow(x: Tensor, levels: list[Level[float]], prior: Prior, clip: bool = False) -> Tensor:
    """Carries x, (B, *shape), along the probability-flow ODE from the first of the levels to the last.

    An Euler step in sigma / alpha is a step of DDIM with eta = 0; each takes one evaluation.

    Args:
        clip: clip every estimate E[x0 | x] to [-1, 1].
    """
    for t, s in pairwise(levels):
        x0 = prior.denoise(x, t)
        x = ddim(x, x0.clamp(-1, 1) if clip else x0, t, s, 0.0, x)
    return x


def descent(
    w: Tensor, lr: float, adam: bool = True, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> Callable[[Tensor], object]:
    """What moves w in place against a gradient of its shape: by a step of Adam, or by lr times the gradient.

    Both are elementwise, so that images do not meet. Adam is the library's function: its class does the same
    and takes twice as long for small images.
    """
    if not adam:
        return lambda gradient: w.add_(gradient, alpha=-lr)
    m, v, steps = torch.zeros_like(w), torch.zeros_like(w), torch.tensor(0.0)
    how: dict[str, Any] = {"beta1": betas[0], "beta2": betas[1], "eps": eps, "lr": lr, "weight_decay": 0.0}
    how |= {"amsgrad": False, "maximize": False}
    return lambda gradient: adam_step([w], [gradient], [m], [v], [], [steps], **how)


def squared_norm(A: Operator, x: Tensor) -> float | Tensor:
    """||A||^2 of each image, (B, 1, ...), in whose inverse a method may count its steps along A^T (y - A x).

    It is the square of the largest singular value where A is linear, and 1 where it is not. Where A is 0 it
    has a floor, so that a gradient of 0 stays 0.

    Args:
        x: (B, *shape), against which the result broadcasts.
    """
    if not isinstance(A, LinearOperator):
        return 1.0
    return per_image(A.norm().clamp_min(torch.finfo(x.dtype).tiny ** 0.5), x) ** 2


def resample(log_w: Tensor, u: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Systematic resampling of the images whose effective number of particles is at most the threshold.

    Args:
        log_w: (B, P), the logarithms of the weights, up to what the particles of an image share.
        u: (B,), uniform on [0, 1).
        threshold: 0 .. P; at P all images are resampled.

    Returns:
        kept: (B P,), which of the B P particles goes on in each place.
        log_w: (B P,), afterwards: 0 in images that were resampled, else of weights whose sum is 1.
    """
    B, P = log_w.shape
    w, places = log_w.softmax(1), torch.arange(P, device=log_w.device)
    few = 1 / w.square().sum(1, keepdim=True) <= threshold
    chosen = torch.searchsorted(w.cumsum(1), (places + u.to(w)[:, None]) / P).clamp_max(P - 1)
    kept = torch.where(few, chosen, places) + P * torch.arange(B, device=log_w.device)[:, None]
    return kept.flatten(), torch.where(few, 0, w.log()).flatten()
