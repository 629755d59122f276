"""What goes into a solver: measurements made from images, and the noise that a solver draws from.

Everything here is a function of the named random streams of `bench.plan.task`.
"""

import copy
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bench.data.images import Images
from bench.noise import SCHEME, Noise, Philox, StreamNoise, fractions, stream_key
from bench.operators.base import Operator
from bench.operators.base.neutral import added
from bench.plan.cell import Cell, Job
from bench.plan.task import Task, supplied
from bench.prior import Prior
from bench.records.keys import digest
from bench.solver import Measurement, particles


class Measured(NamedTuple):
    """What a task made of some images."""

    x: Tensor
    """(B, C, H, W) float64, the ground truth: for metrics, never for solvers."""
    measurement: Measurement
    """y and A in float64 on the CPU."""
    y_hashes: list[str]
    """Identity of each y: noise, operator and image."""
    image_sha256: list[str]


class SolverNoise(StreamNoise):
    """What a solver draws from: its first draw comes from the init streams, all later ones from the sampler
    streams.

    Samplers draw x_T first, so they all start from the same noise; for a solver that starts elsewhere the
    first draw is a draw like any other, since the two families of streams are independent.
    """

    def __init__(
        self,
        init: Sequence[int],
        sampler: Sequence[int],
        dtype: torch.dtype,
        device: torch.device | str,
        calls: int = 0,
    ) -> None:
        super().__init__(sampler, dtype, device, calls)
        self.init = list(init)

    def __getitem__(self, images: slice) -> "SolverNoise":
        return SolverNoise(self.init[images], self.keys[images], self.dtype, self.device, self.calls)

    def _uniforms(self, n: int) -> Tensor:
        if self.calls:
            return super()._uniforms(n)
        self.calls = 1
        return StreamNoise(self.init)._uniforms(n)


class BlockNoise(StreamNoise):
    """What a solver draws from where its batch is a block of samples of one problem: one stream, n rows a
    call.

    A row of a call depends on its place in the block only, so the first rows of a larger block are the same.
    The first draw comes from the init stream, as in `SolverNoise`.
    """

    def __init__(
        self, init: int, sampler: int, n: int, dtype: torch.dtype, device: torch.device | str, calls: int = 0
    ) -> None:
        super().__init__([init, sampler], dtype, device, calls)
        self.rows = range(n)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, images: slice) -> "BlockNoise":
        other = copy.copy(self)
        other.rows, other._philox = self.rows[images], Philox()
        return other

    def _uniforms(self, n: int) -> Tensor:
        key = self.keys[1 if self.calls else 0]
        bits = self._philox(key, self.calls, (self.rows[-1] + 1) * n).reshape(-1, n)
        self.calls += 1
        return fractions(bits[self.rows.start : self.rows.stop : self.rows.step])


def measure(task: Task, data: Images, images: Sequence[str]) -> Measured:
    """Measures images one at a time in float64 on the CPU, so that y depends on nothing but its own
    streams.
    """
    A = task.operators(data.shape, images)
    x = torch.stack([data.image(image) for image in images]).double()
    keys = [stream_key("measurement", task.seed, task.dataset, image, task.name) for image in images]
    y = []
    for i, key in enumerate(keys):
        one = A[i : i + 1]
        n = StreamNoise([key], torch.float64).new(one.out_shape)
        y.append(one(x[i : i + 1]) + task.sigma * (n if one.measured is None else n * one.measured))
    truths = [data.image_sha256(image) for image in images]
    hashes = [_identity(task, A[i : i + 1], key, truths[i]) for i, key in enumerate(keys)]
    return Measured(x, Measurement(torch.cat(y), A, task.sigma), hashes, truths)


def _identity(task: Task, A: Operator, noise_key: int, image_sha256: str) -> str:
    """Masks and kernels enter as float32: the last bits of float64 may differ between processors."""
    tensors = {name: v.float() if v.is_floating_point() else v for name, v in A.parameters().items()}
    further = added(task)
    return digest(
        {
            "operator": [task.operator, A.rev, dict(task.params), list(A.out_shape)],
            "tensors": {name: hashlib.sha256(v.numpy().tobytes()).hexdigest() for name, v in tensors.items()},
            "noise": [SCHEME, f"{noise_key:032x}", task.sigma],
            "image": image_sha256,
            **({"task": further} if further else {}),
            **supplied(A),
        }
    )


def solver_noise(
    task: Task,
    images: Sequence[str],
    samples: Sequence[int],
    solver: str,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> SolverNoise:
    """The noise that a solver gets for (image, sample) pairs."""
    pairs = list(zip(images, samples, strict=True))
    init = [stream_key("init", task.seed, task.dataset, i, k) for i, k in pairs]
    sampler = [stream_key("sampler", task.seed, task.dataset, i, task.name, solver, k) for i, k in pairs]
    return SolverNoise(init, sampler, dtype, device)


def block_noise(
    task: Task, image: str, sample: int, solver: str, n: int, dtype: torch.dtype, device: torch.device | str
) -> BlockNoise:
    """The noise that a solver gets for a block of n samples of one image."""
    init = stream_key("block-init", task.seed, task.dataset, image, sample)
    sampler = stream_key("block-sampler", task.seed, task.dataset, image, task.name, solver, sample)
    return BlockNoise(init, sampler, n, dtype, device)


def solver_inputs(cell: Cell, measured: Measured, jobs: Sequence[Job]) -> tuple[Measurement, Prior, Noise]:
    """What the solver gets for a batch of jobs, or for the block of a single one, where every row is the same
    problem.
    """
    images, samples = [job.image for job in jobs], [job.sample for job in jobs]
    prior, (y, A, sigma) = cell.prior_of(images), measured.measurement
    y, A = y.to(prior.device, prior.dtype, copy=True), A.to(prior.device, prior.dtype)
    if cell.block == 1:
        noise = solver_noise(cell.task, images, samples, cell.name, prior.dtype, prior.device)
        return Measurement(y, A, sigma), prior, noise
    n = cell.block // particles(cell.solver)
    noise = block_noise(cell.task, images[0], samples[0], cell.name, n, prior.dtype, prior.device)
    return Measurement(y.repeat_interleave(n, 0), A.repeat_interleave(n), sigma), prior, noise
