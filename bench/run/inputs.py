"""What goes into a solver: measurements made from images, and the noise that a solver draws from.

Everything here is a function of the named random streams of `bench.plan.task`.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.data.images import Images
from bench.noise import SCHEME, Noise, StreamNoise, stream_key
from bench.operators.base import Operator, check_kind, moved
from bench.operators.base.neutral import added
from bench.plan.cell import Cell, Job, class_labels
from bench.plan.task import NOT_MEASURED, Task, supplied
from bench.prior import Prior
from bench.records.keys import digest
from bench.solver import Measurement, particles


class Measured(NamedTuple):
    """Some images and what a task measured of them."""

    x: Tensor
    """(B, C, H, W) float64, the ground truth: for metrics, never for solvers."""
    measurement: Measurement
    """y and A in float64 on the CPU."""
    y_hashes: list[str]
    """Identity of each y: noise, operator and image."""
    image_sha256: list[str]


class SolverNoise(StreamNoise):
    """The noise of a solver.

    Its first draw comes from the init streams, all later ones from the sampler streams. Samplers draw x_T
    first, so they all start from the same noise. For a solver that starts elsewhere the first draw is a draw
    like any other, since the two families of streams are independent.
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

    def _key(self, place: int, call: int) -> int:
        return self.keys[place] if call else self.init[place]


class SampleNoise(StreamNoise):
    """The noise of a solver whose batch is n samples of one problem: one stream, n rows a call.

    A row depends on its place only, so the first rows of more samples are the same. The first draw comes from
    the init stream, as in `SolverNoise`.
    """

    def __init__(
        self, init: int, sampler: int, n: int, dtype: torch.dtype, device: torch.device | str, calls: int = 0
    ) -> None:
        super().__init__([init, sampler], dtype, device)
        self._calls, self._places = np.full(n, calls), np.arange(n)

    def _call(self, words: np.ndarray) -> None:
        n, calls = words.shape[1], self.calls
        for call in np.unique(calls):
            rows = calls == call
            places = self._places[rows]
            key = self.keys[1 if call else 0]
            words[rows] = self._philox(key, int(call), (int(places.max()) + 1) * n).reshape(-1, n)[places]


def measure(task: Task, data: Images, images: Sequence[str]) -> Measured:
    """Measures images one at a time in float64 on the CPU: y depends on nothing but its own streams."""
    A = task.operators(data.shape, images)
    x = torch.stack([data.image(image) for image in images]).double()
    rows, hashes, truths = [], [], []
    for i, image in enumerate(images):
        key = task.measurement_stream(image)
        one, truth = A[i : i + 1], data.image_sha256(image)
        noise = StreamNoise([key], torch.float64)
        Ax = one(x[i : i + 1])
        check_kind(one, Ax)
        rows.append(one.masked(task.likelihood.draw(Ax, noise)))
        hashes.append(_identity(task, one, key, truth))
        truths.append(truth)
    return Measured(x, Measurement(torch.cat(rows), A, noise=task.likelihood), hashes, truths)


def _identity(task: Task, A: Operator, noise_key: int, image_sha256: str) -> str:
    """The hash that names y."""
    identity = {
        "operator": [task.operator, A.rev, dict(task.params), list(A.out_shape)],
        "tensors": {name: _tensor_sha256(tensor) for name, tensor in A.parameters().items()},
        "noise": [SCHEME, f"{noise_key:032x}", task.sigma],
        "image": image_sha256,
        **supplied(A),
    }
    further = added(task)
    if measured := {name: value for name, value in further.items() if name not in NOT_MEASURED}:
        identity["task"] = measured
    return digest(identity)


def _tensor_sha256(tensor: Tensor) -> str:
    """Masks and kernels enter in single precision: the last bits of float64 may differ between processors."""
    values = moved(tensor, dtype=torch.float32).resolve_conj()
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()


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
    sampler = [stream_key("sampler", task.seed, task.dataset, i, task.draws, solver, k) for i, k in pairs]
    return SolverNoise(init, sampler, dtype, device)


def sample_noise(
    task: Task, image: str, sample: int, solver: str, n: int, dtype: torch.dtype, device: torch.device | str
) -> SampleNoise:
    """The noise that a solver gets for n samples of one image."""
    init = stream_key("block-init", task.seed, task.dataset, image, sample)
    sampler = stream_key("block-sampler", task.seed, task.dataset, image, task.draws, solver, sample)
    return SampleNoise(init, sampler, n, dtype, device)


def prior_of(cell: Cell, images: Sequence[str]) -> Prior:
    """The prior of a cell, told the classes of these images where it has classes."""
    if not cell.prior.classes:
        return cell.prior
    labels = class_labels(cell.data)
    return cell.prior.condition([labels[image] for image in images])


def solver_inputs(cell: Cell, measured: Measured, jobs: Sequence[Job]) -> tuple[Measurement, Prior, Noise]:
    """What the solver gets for a batch of jobs: y as it was measured, and what the task tells of A and noise.

    Several samples per problem are one job and make the batch: every row is the same problem then.
    """
    images, samples = [job.image for job in jobs], [job.sample for job in jobs]
    prior, (y, A, _), model = prior_of(cell, images), measured.measurement, cell.task.told_likelihood
    if cell.task.told:
        A = cell.task.told_operators(cell.data.shape, images)
    y, A = moved(y, prior.device, prior.dtype, copy=True), A.to(prior.device, prior.dtype)
    if cell.samples_per_problem == 1:
        noise = solver_noise(cell.task, images, samples, cell.name, prior.dtype, prior.device)
        return Measurement(y, A, noise=model), prior, noise
    n = cell.samples_per_problem // particles(cell.solver)
    rows = sample_noise(cell.task, images[0], samples[0], cell.name, n, prior.dtype, prior.device)
    y, A = y.repeat_interleave(n, 0), A.repeat_interleave(n)
    return Measurement(y, A, noise=model), prior, rows
