"""Noise models: how y scatters around A(x), as something to draw from and as a likelihood.

All of them are in the unit of images in [-1, 1]:

    Gaussian   y = A(x) + sigma n;  of a complex y each part has the standard deviation sigma
    Poisson    255 rate (y + 1) / 2 is a count whose mean is 255 rate (A(x) + 1) / 2: black has none
    Laplace    y = A(x) + scale l,  l of density exp(-|l|) / 2

Where y equals A(x), as in entries that were not measured (both are 0 there), every score is 0.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from bench.batch import Images
from bench.noise import Noise
from bench.operators.base import Operator, dot, per_image

WHITE = 255
"""Expected counts of a white pixel at rate 1."""
LEAST_COUNT = 1.0
"""Expected count below which the Poisson log likelihood goes on along a tangent, finite everywhere."""


@dataclass(frozen=True)
class NoiseModel(ABC):
    """The distribution of y given A(x). Every image stands for itself.

    Fields are numbers; sigma of `Gaussian` may be a tensor with one per image, (B,).
    """

    complex: ClassVar[bool] = False
    """Whether y may be complex."""

    @property
    @abstractmethod
    def std(self) -> float | Tensor:
        """The standard deviation of y, (B,) where images differ; NaN where it depends on A(x)."""

    @abstractmethod
    def draw(self, Ax: Tensor, noise: Noise) -> Tensor:
        """One y per image, (B, *m); each from its own stream."""

    @abstractmethod
    def log_density(self, Ax: Tensor, y: Tensor) -> Tensor:
        """Log p(y | A(x)) of each entry, (B, *m), real."""

    @abstractmethod
    def score(self, Ax: Tensor, y: Tensor) -> Tensor:
        """The gradient of the log likelihood with respect to A(x), (B, *m); of complex entries by parts."""

    @abstractmethod
    def variance(self, Ax: Tensor) -> Tensor:
        """The variance of each entry of y, broadcastable against (B, *m); of complex entries per part."""

    @property
    @abstractmethod
    def unit(self) -> float | Tensor:
        """The inverse Fisher information of an entry, which turns a score into units of y; or one per image.

        Where it depends on A(x) it is that of A(x) = 0, mid-grey.
        """

    def mean(self, Ax: Tensor) -> Tensor:
        """The mean of y, (B, *m)."""
        return Ax

    def log_likelihood(self, Ax: Tensor, y: Tensor, measured: Tensor | None = None) -> Tensor:
        """Log p(y | A(x)) of each image, (B,).

        Args:
            Ax, y: (B, *m).
            measured: bool, broadcastable against them; the entries that count. None means all.
        """
        each = self.log_density(Ax, y)
        return _kept(each, measured).flatten(1).sum(1)

    def residual(self, Ax: Tensor, y: Tensor) -> Tensor:
        """The score in units of y, (B, *m): y - A(x) for Gaussian noise, which ignores sigma."""
        return per_image(self.unit, y) * self.score(Ax, y)

    def weights(self, y: Tensor) -> float | Tensor:
        """The inverse variances that y itself tells, relative to that of y = 0: 1.0, or (B, *m).

        They make a weighted Gaussian of the likelihood.
        """
        return 1.0

    def misfit(self, Ax: Tensor, y: Tensor, measured: Tensor | None = None) -> Tensor:
        """The residual relative to what noise alone leaves, (B,): ||y - E y|| / sqrt(E ||y - E y||^2).

        Its square is 1 on average for the truth. Without noise it is NaN. ``measured`` is as in
        `log_likelihood`.
        """
        r = _parts(_kept(y - self.mean(Ax), measured))
        expected = _kept(self.variance(Ax).expand_as(y), measured).flatten(1).sum(1)
        if y.is_complex():
            expected = 2 * expected
        return (dot(r, r) / expected).sqrt()

    def __getitem__(self, images: Images) -> Self:
        """The model of some images of the batch."""
        return self._map(lambda v: v[images])

    def repeat_interleave(self, k: int) -> Self:
        """The model of each image k times in a row."""
        return self._map(lambda v: v.repeat_interleave(k, 0))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """The same model on another device or in another floating dtype."""
        return self._map(lambda v: v.to(device, dtype))

    def _map(self, f: Callable[[Tensor], Tensor]) -> Self:
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {name: f(value) for name, value in own.items() if isinstance(value, Tensor)}
        return replace(self, **changed) if changed else self


@dataclass(frozen=True)
class Gaussian(NoiseModel):
    """Additive normal noise; without any at sigma = 0, where the likelihood is not finite.

    Raises:
        ValueError: sigma is negative or not finite, or not one number or one per image.
    """

    sigma: float | Tensor
    """Standard deviation, >= 0; of each part where y is complex."""
    complex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _require("sigma", self.sigma, above=False, per_image=True)

    @property
    def std(self) -> float | Tensor:
        return self.sigma

    def draw(self, Ax: Tensor, noise: Noise) -> Tensor:
        if not Ax.is_complex():
            return Ax + per_image(self.sigma, Ax) * noise.new(Ax.shape[1:])
        re, im = noise.new((2, *Ax.shape[1:])).unbind(1)
        return Ax + per_image(self.sigma, re) * torch.complex(re, im)

    def log_density(self, Ax: Tensor, y: Tensor) -> Tensor:
        var, r = self.variance(Ax), y - Ax
        parts = 2 if y.is_complex() else 1
        return -0.5 * (r * r.conj()).real / var - 0.5 * parts * (2 * math.pi * var).log()

    def score(self, Ax: Tensor, y: Tensor) -> Tensor:
        return (y - Ax) / self.variance(Ax)

    def residual(self, Ax: Tensor, y: Tensor) -> Tensor:
        return y - Ax

    def variance(self, Ax: Tensor) -> Tensor:
        real = Ax.real
        return per_image(torch.as_tensor(self.sigma, dtype=real.dtype, device=real.device), real) ** 2

    @property
    def unit(self) -> float | Tensor:
        return self.sigma**2


@dataclass(frozen=True)
class Poisson(NoiseModel):
    """Counts of photons, 255 rate of them where an image is white, in expectation.

    y = 2 k / (255 rate) - 1 with k ~ Poisson(255 rate (A(x) + 1) / 2), for A(x) >= -1; below, k = 0. y is not
    clipped at 1.

    Raises:
        ValueError: the rate is not one number, positive and finite.
    """

    rate: float

    def __post_init__(self) -> None:
        _require("rate", self.rate)

    @property
    def std(self) -> float:
        return math.nan

    @property
    def gain(self) -> float:
        """Counts per unit of y."""
        return WHITE * self.rate / 2

    def counts(self, y: Tensor) -> Tensor:
        """The number of counts that y, or their mean that A(x), stands for; (B, *m)."""
        return self.gain * (y + 1)

    def draw(self, Ax: Tensor, noise: Noise) -> Tensor:
        _require_real(self, Ax)
        u, mean = noise.uniform(Ax.shape[1:]), self.counts(self.mean(Ax))
        from scipy.stats import poisson  # here, since it takes half a second

        k = np.maximum(poisson.ppf(u.cpu().numpy(), mean.cpu().numpy()), 0)  # -1 at u = 0
        return torch.from_numpy(k).to(Ax) / self.gain - 1

    def log_density(self, Ax: Tensor, y: Tensor) -> Tensor:
        mean, k = self.counts(Ax), self.counts(y)
        held = mean.clamp_min(LEAST_COUNT)
        log = held.log() + (mean - held) / LEAST_COUNT  # its tangent below the least count
        return k * log - mean.relu() - torch.lgamma(k + 1)

    def score(self, Ax: Tensor, y: Tensor) -> Tensor:
        mean = self.counts(Ax)
        return self.gain * (self.counts(y) / mean.clamp_min(LEAST_COUNT) - (mean > 0).to(mean))

    def mean(self, Ax: Tensor) -> Tensor:
        return Ax.clamp_min(-1)

    def variance(self, Ax: Tensor) -> Tensor:
        return self.counts(self.mean(Ax)) / self.gain**2

    @property
    def unit(self) -> float:
        return 1 / self.gain

    def weights(self, y: Tensor) -> Tensor:
        return self.gain / self.counts(y).clamp_min(LEAST_COUNT)


@dataclass(frozen=True)
class Laplace(NoiseModel):
    """Additive double-exponential noise: some entries are far off.

    Raises:
        ValueError: the scale is not one number, positive and finite.
    """

    scale: float
    """Mean of |y - A(x)|; the standard deviation is sqrt(2) times it."""

    def __post_init__(self) -> None:
        _require("scale", self.scale)

    @property
    def std(self) -> float:
        return math.sqrt(2) * self.scale

    def draw(self, Ax: Tensor, noise: Noise) -> Tensor:
        _require_real(self, Ax)
        u = noise.uniform(Ax.shape[1:]) - 0.5
        tail = (1 - 2 * u.abs()).clamp_min(2.0**-53)
        return Ax - self.scale * u.sign() * tail.log()

    def log_density(self, Ax: Tensor, y: Tensor) -> Tensor:
        return -(y - Ax).abs() / self.scale - math.log(2 * self.scale)

    def score(self, Ax: Tensor, y: Tensor) -> Tensor:
        return (y - Ax).sign() / self.scale

    def variance(self, Ax: Tensor) -> Tensor:
        return Ax.new_tensor(self.std**2)

    @property
    def unit(self) -> float:
        return self.scale**2


KINDS: dict[str, type[NoiseModel]] = {"gaussian": Gaussian, "laplace": Laplace, "poisson": Poisson}
"""The noise models by the names that suites give them."""


def make_noise(kind: str, **params: Any) -> NoiseModel:
    """The noise model of a suite's words, as in ``kind="poisson", rate=1.0``."""
    return KINDS[kind](**params)


def _kept(values: Tensor, measured: Tensor | None) -> Tensor:
    return values if measured is None else torch.where(measured, values, torch.zeros_like(values))


def _parts(r: Tensor) -> Tensor:
    """Complex entries as pairs of real ones."""
    return torch.view_as_real(r) if r.is_complex() else r


def _require(name: str, value: float | Tensor, above: bool = True, per_image: bool = False) -> None:
    """Checks that a parameter is a finite number, above 0 or at least 0, or a tensor of one per image."""
    expected = f"a finite number {'>' if above else '>='} 0"
    if per_image:
        expected += ", or a tensor with one per image, (B,)"
    if per_image and isinstance(value, Tensor) and value.ndim < 2 and not value.is_complex():
        each = value
    elif isinstance(value, Real):
        each = torch.tensor(float(value), dtype=torch.float64)
    else:
        raise ValueError(f"{name} must be {expected}; got {value!r}")
    if not bool((each.isfinite() & (each > 0 if above else each >= 0)).all()):
        raise ValueError(f"{name} must be {expected}; got {value}")


def check_noise(A: Operator, model: NoiseModel) -> None:
    """Refuses noise that is of real measurements only, where those of A are complex.

    Raises:
        ValueError: it is.
    """
    if A.complex_valued and not model.complex:
        name = type(A).__name__
        raise ValueError(f"{type(model).__name__} noise is of real measurements; those of {name} are complex")


def _require_real(model: NoiseModel, Ax: Tensor) -> None:
    if Ax.is_complex():
        raise ValueError(f"{type(model).__name__} noise is of real measurements; these are complex")


def names(kinds: Sequence[type[NoiseModel]]) -> str:
    """Noise models in words, as in "Gaussian or Poisson"."""
    return " or ".join(kind.__name__ for kind in kinds)
