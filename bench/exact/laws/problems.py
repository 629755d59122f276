"""Small problems with a known answer, and the noise that laws feed to a solver.

The laws look at a solver from outside, by what it yields.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import hadamard
from torch import Tensor

from bench.batch import Images, chosen
from bench.exact.laws.recursions import Affine
from bench.exact.prior import GaussianPrior, MixturePrior
from bench.noise import Noise, StreamNoise, stream_key
from bench.operators.matrices import Matrix
from bench.prior import Prior, Pullback
from bench.schedule import CLEAN, Level, Spacing, VPSchedule
from bench.solver import Measurement, Solver

F64 = torch.float64


class HadamardNoise(Noise):
    """Normals replaced by distinct rows of a Hadamard matrix.

    They are +-1, with exactly zero mean and unit covariance. Fed to a solver that is affine in its draws, the
    mean and covariance over the batch *are* those of the solver's states, without Monte-Carlo error.

    Args:
        size: of the batch, a power of two; it allows size - 1 scalar draws.
    """

    def __init__(self, size: int, dtype: torch.dtype = F64) -> None:
        self.rows = torch.from_numpy(hadamard(size)).to(dtype)[1:]
        self.used, self.places = np.zeros(size, dtype=int), np.arange(size)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, images: Images) -> "HadamardNoise":
        other = copy.copy(self)
        other.places = self.places[chosen(images, len(self))]
        return other

    def new(self, shape: Sequence[int]) -> Tensor:
        n, used = int(np.prod(shape)), self.used[self.places]
        if used.max() + n > len(self.rows):
            size = len(self.rows) + 1
            raise ValueError(
                f"a Hadamard matrix of size {size} has no {n} rows left after {used.max()} draws"
            )
        self.used[self.places] += n
        return self.rows[used + np.arange(n)[:, None], self.places].T.reshape(-1, *shape)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        raise NotImplementedError(
            "Hadamard noise offers normals only; a law that draws uniforms needs StreamNoise"
        )


class StartingAt(Noise):
    """Noise whose first draw is replaced by given values, so that two solvers start at the same state.

    Args:
        x: (B, *shape), what the first call returns.
        noise: what the other calls draw from, its first draw left out.
    """

    def __init__(self, x: Tensor, noise: Noise) -> None:
        self.first: Tensor | None = x
        self.noise = noise
        noise.new(x.shape[1:])

    def __len__(self) -> int:
        return len(self.noise)

    def __getitem__(self, images: Images) -> "StartingAt":
        other = copy.copy(self)
        other.first, other.noise = None if self.first is None else self.first[images], self.noise[images]
        return other

    def new(self, shape: Sequence[int]) -> Tensor:
        first, self.first = self.first, None
        return self.noise.new(shape) if first is None else first.clone()

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return self.noise.uniform(shape)


def hadamard_noise(draws: int, dtype: torch.dtype = F64) -> HadamardNoise:
    """The smallest Hadamard noise that allows that many scalar draws."""
    return HadamardNoise(1 << draws.bit_length(), dtype)


def streams(n: int, dtype: torch.dtype = F64, name: str = "certify") -> StreamNoise:
    """Ordinary noise for path identities."""
    return StreamNoise([stream_key(name, i) for i in range(n)], dtype)


def orthogonal(d: int, seed: int) -> Tensor:
    """A random orthogonal matrix, (d, d) float64."""
    return torch.linalg.qr(torch.from_numpy(np.random.default_rng(seed).standard_normal((d, d))))[0]


def matrix_operator(values: Sequence[float], d: int, batch: int, dtype: torch.dtype = F64) -> Matrix:
    """A matrix of given singular values between random orthogonal bases, the same for every image."""
    left, right = orthogonal(len(values), 7), orthogonal(d, 8)
    matrix = left * torch.tensor(values, dtype=F64) @ right[: len(values)]
    return Matrix((d,), [0] * batch, matrix).to(dtype=dtype)


@dataclass(frozen=True)
class FlatSchedule(VPSchedule):
    """A schedule that stays at one level, so that the fixed point of an iteration can be seen."""

    index: int = 0

    def levels(self, n: int, spacing: Spacing = "leading") -> list[Level[float]]:
        return [self.level(self.index)] * n + [CLEAN]


class LearnedVariance(Prior):
    """A prior with a constant v in place of the variance that a network would have learned.

    v = None: nothing was learned.
    """

    def __init__(self, prior: Prior, v: float | None) -> None:
        self.prior, self.v = prior, v
        self.shape, self.schedule = prior.shape, prior.schedule
        self.dtype, self.device = prior.dtype, prior.device

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        return self.prior.denoise(x, t), None if self.v is None else torch.full_like(x, self.v)

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        x0, pull = self.prior.vjp(x, t)
        return x0, None if self.v is None else torch.full_like(x, self.v), pull


class Case(NamedTuple):
    """One linear problem with an exact prior: d = 4, m = 2, singular values 1 and 0.5."""

    prior: MixturePrior
    sigma: float
    y: Tensor
    """(1, 2), the same for every image of a batch."""

    @property
    def A(self) -> Matrix:
        return matrix_operator((1.0, 0.5), 4, 1, self.prior.dtype)

    def measurement(self, batch: int) -> Measurement[Matrix]:
        """The problem, repeated for a batch."""
        return Measurement(self.y.expand(batch, -1), self.A.repeat_interleave(batch), self.sigma)

    def path(self, solver: Solver, noise: Noise, prior: Prior | None = None) -> Tensor:
        """The states that a solver yields, (steps, B, d)."""
        steps = solver.solve(self.measurement(len(noise)), prior or self.prior, noise)
        return torch.stack([step.x.detach().clone() for step in steps])

    def to(self, dtype: torch.dtype) -> "Case":
        """The same problem in another precision."""
        return self._replace(prior=self.prior.to(dtype=dtype), y=self.y.to(dtype))

    @property
    def affine(self) -> Affine:
        """The problem in the coordinates of V, as the recursions want it; its prior must be Gaussian."""
        prior, sigma, y = self.to(F64)
        A, mean, cov = self.to(F64).A, prior.mean[0].numpy(), prior.covariance[0].numpy()
        V = A.basis.numpy()
        return Affine(V.T @ mean, V.T @ cov @ V, A.s[0].numpy(), A.Ut(y)[0].numpy(), sigma)


def problem(prior: str, sigma: float, dtype: torch.dtype = F64) -> Case:
    """The case of a prior and of a standard deviation of the noise in y.

    Priors: ``unit`` N(m, I), ``narrow`` N(m, I / 4), ``skew``, an anisotropic Gaussian whose axes are not
    those of A, and ``mixture``, three components of unequal variances.
    """
    mean, rng = torch.tensor([0.3, -0.5, 0.2, 0.7], dtype=F64), np.random.default_rng(3)
    if prior == "mixture":
        means = torch.from_numpy(rng.standard_normal((3, 4)))
        variances = torch.from_numpy(rng.uniform(0.05, 0.4, (3, 4)))
        weights = torch.tensor([0.5, 0.3, 0.2], dtype=F64)
        known = MixturePrior(weights, means, variances, orthogonal(4, 10))
    else:
        spectrum = {"unit": [1.0] * 4, "narrow": [0.25] * 4, "skew": [1.0, 0.25, 0.04, 0.01]}[prior]
        known = GaussianPrior(mean, torch.tensor(spectrum, dtype=F64), orthogonal(4, 9))
    return Case(known, sigma, torch.tensor([[0.4, -0.9]], dtype=F64)).to(dtype)
