"""Noise levels."""

import sys
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value", float, Tensor)


class Level(NamedTuple, Generic[Value]):
    """One noise level (``Level[float]``), or one per image (``Level[Tensor]``).

    >>> t = Level(280, 0.6, 0.8)
    >>> round(t.ratio, 2), round(t.variance, 2), t.std
    (1.33, 0.64, 1.0)
    """

    index: Value  # type: ignore[assignment]  # takes the place of tuple.index, which nobody calls
    """The time step that a network was trained on, fractional between two of them; -1 is clean; or (B,)."""
    alpha: Value
    """The factor of the clean image; or (B, 1, ...)."""
    sigma: Value
    """The standard deviation of the noise; or (B, 1, ...)."""

    @property
    def ratio(self) -> Value:
        """The noise-to-signal ratio sigma / alpha, which is the noise level of x / alpha."""
        return self.sigma / self.alpha

    @property
    def variance(self) -> Value:
        """sigma^2 / (alpha^2 + sigma^2), which is Var[x0 | x_t] for x0 ~ N(0, 1).

        In a variance-preserving schedule it is 1 - abar.
        """
        return self.sigma**2 / (self.alpha**2 + self.sigma**2)

    @property
    def std(self) -> Value:
        """sqrt(alpha^2 + sigma^2), the standard deviation of x_t for x0 ~ N(0, 1), at which a sampler starts.

        Exactly 1 where it is 1 up to rounding, as at every variance-preserving level. x_t / std is the
        variance-preserving x_t of the same ratio.
        """
        std = (self.alpha**2 + self.sigma**2) ** 0.5
        if isinstance(std, Tensor):
            near = (std - 1).abs() <= 4 * torch.finfo(std.dtype).eps
            return torch.where(near, 1, std)  # type: ignore[return-value]  # a level's values are of one type
        return 1.0 if abs(std - 1) <= 4 * sys.float_info.epsilon else std

    @property
    def gamma(self) -> Value:
        """sigma^2 / alpha, the factor of the score in E[x0 | x_t] and of the Jacobian in Cov[x0 | x_t]."""
        return self.sigma**2 / self.alpha


CLEAN: Level[float] = Level(-1, 1.0, 0.0)


def draw_level(levels: list[Level[float]], u: Tensor, x: Tensor) -> Level[Tensor]:
    """One of the levels per image, drawn by u, (B,), uniform on [0, 1); it broadcasts against x, (B, ...)."""
    place = (u * len(levels)).long()
    index, alpha, sigma = (x.new_tensor(values)[place] for values in zip(*levels, strict=True))
    column = (-1, *(1,) * (x.ndim - 1))
    return Level(index, alpha.view(column), sigma.view(column))
