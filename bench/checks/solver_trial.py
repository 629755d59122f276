"""A small problem with a known answer on which a solver is tried; an exact prior and an imperfect one."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from bench.batch import Images
from bench.exact.prior import ExactPrior, GaussianPrior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.prior import Prior, Pullback
from bench.schedule import Level
from bench.solver import Measurement, Solver, Step

SHAPE, SIGMA, IMAGES = (1, 8, 8), 0.1, 8
FAULT = 0.02
"""Standard deviation of what an imperfect denoiser adds to each pixel."""


class SolverTrial(NamedTuple):
    """A measurement of images x, drawn from a prior that knows its posterior."""

    prior: ExactPrior
    measurement: Measurement
    x: Tensor


class ImperfectPrior(Prior):
    """A prior whose denoiser errs as networks do: its Jacobian is not symmetric, and slightly indefinite.

    A fixed linear map of the state, scaled to unit variance, is added to the exact estimate: normals, which
    move each pixel by `FAULT`. Their eigenvalues have both signs, also where the exact Jacobian is nearly 0.
    """

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self.shape, self.schedule = prior.shape, prior.schedule
        self.dtype, self.device, self.name = prior.dtype, prior.device, f"imperfect {prior.name}"
        n = math.prod(self.shape)
        normals = StreamNoise([stream_key("imperfect")], torch.float64).new((n, n))[0]
        self.fault = (FAULT * normals / n**0.5).to(prior.dtype)

    def __getitem__(self, images: Images) -> "ImperfectPrior":
        return ImperfectPrior(self.prior[images])

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        x0, v = self.prior.moments(x, t)
        return x0 + self.add(self.fault, x, t), v

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        x0, v, pull = self.prior.moments_vjp(x, t)

        def pulled(u: Tensor) -> Tensor:
            return pull(u) + self.add(self.fault.T, u, t)

        return x0 + self.add(self.fault, x, t), v, pulled

    def add(self, fault: Tensor, x: Tensor, t: Level) -> Tensor:
        """The map, (n, n), of a state x, (B, *shape), at level t."""
        with torch.no_grad():
            return (x.flatten(1) @ fault.T).view_as(x) / (t.alpha**2 + t.sigma**2) ** 0.5


def make_trial(dtype: torch.dtype = torch.float32) -> SolverTrial:
    """IMAGES measurements of smooth 8 x 8 Gaussian images, 30 % of the pixels of each."""
    e, Q = torch.linalg.eigh(smooth_covariance())
    prior = GaussianPrior(torch.zeros(SHAPE, dtype=dtype), e.to(dtype), Q.to(dtype))
    keys = [stream_key("contract", i) for i in range(IMAGES)]
    x = prior.sample(StreamNoise(keys, dtype))
    A = make_operator("inpaint_random", SHAPE, range(IMAGES)).to(dtype=dtype)
    y = A(x)
    n = StreamNoise([key + 1 for key in keys], dtype).like(y)
    y = y + SIGMA * (n if A.measured is None else n * A.measured)
    return SolverTrial(prior, Measurement(y, A, SIGMA), x)


def smooth_covariance() -> Tensor:
    """(64, 64), pixel variance 0.25, correlation falling with distance: neighbours tell about a hole."""
    i = torch.arange(SHAPE[1], dtype=torch.float64)
    axis = torch.exp(-0.5 * ((i[:, None] - i) / 1.5) ** 2) + 1e-3 * torch.eye(SHAPE[1], dtype=torch.float64)
    return 0.25 * torch.kron(axis, axis) / axis[0, 0] ** 2


def run(
    solver: Solver, trial: SolverTrial, images: slice = slice(None), seed: int = 0, prior: Prior | None = None
) -> Iterator[Step]:
    """The steps of a solver on some images of a trial, with its prior or another one."""
    keys = [stream_key("contract-sampler", seed, i) for i in range(IMAGES)]
    noise = StreamNoise(keys[images], trial.prior.dtype)
    y, A, sigma = trial.measurement
    return solver.solve(Measurement(y[images].clone(), A[images], sigma), prior or trial.prior, noise)


def last(steps: Iterator[Step]) -> Tensor:
    """The reconstruction: the state of the last step."""
    x = None
    for step in steps:
        x = step.x
    if x is None:
        raise ValueError("solve() yielded nothing; yield a Step(x, x0) after every step")
    return x.clone()


def as_images(solver: Solver, x: Tensor) -> Tensor:
    """A solver's state, the mean of its particles where it has several, (B, *shape)."""
    return x.mean(1) if hasattr(solver, "particles") else x
