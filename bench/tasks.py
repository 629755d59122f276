"""Tasks: dataset x operator x noise level, and every random stream of a run, by name.

    stream        is a function of                                      so that
    operator      seed, dataset, image, operator                        noise levels share masks and kernels
    measurement   seed, dataset, image, task                            every solver sees the same y
    init          seed, dataset, image, sample                          solvers start alike: paired comparisons
    sampler       seed, dataset, image, task, solver, sample            a solver's rows are paired too

None depends on a batch, an order, a device, a worker or a hyper-parameter.
"""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from bench.neutral import added
from bench.noise import SCHEME, Philox, StreamNoise, fractions, stream_key
from bench.operators import make_operator
from bench.operators.base import Operator
from bench.records import digest
from bench.solver import Measurement
from bench.user_code import source_sha256

BLOCK_SCHEME = "rows-1"
"""How a block of samples shares one stream; part of the keys of blocks."""


class Images(Protocol):
    """What a task needs of a dataset; `bench.data.load_dataset` gives one."""

    name: str
    shape: tuple[int, ...]
    ids: Sequence[str]

    def image(self, image: str) -> Tensor:
        """(C, H, W) float32 in [-1, 1]."""

    def image_sha256(self, image: str) -> str:
        """Of the decoded pixels."""


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
    """What a solver draws from: its first draw comes from the init streams, all later ones from the sampler streams.

    Samplers draw x_T first, so they all start from the same noise; for a solver that starts elsewhere the first draw is a
    draw like any other, since the two families of streams are independent.
    """

    def __init__(
        self, init: Sequence[int], sampler: Sequence[int], dtype: torch.dtype, device: torch.device | str, calls: int = 0
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


def supplied(A: Operator) -> dict[str, dict[str, str]]:
    """The entry of a key for what a user supplied: files, or the operator's own code; none for all other operators."""
    code = source_sha256(type(A))
    given = A.supplied() | ({"source": code} if code else {})
    return {"supplied": given} if given else {}


class BlockNoise(StreamNoise):
    """What a solver draws from where its batch is a block of samples of one problem: one stream, n rows a call.

    A row of a call depends on its place in the block only, so the first rows of a larger block are the same. The first draw
    comes from the init stream, as in `SolverNoise`.
    """

    def __init__(self, init: int, sampler: int, n: int, dtype: torch.dtype, device: torch.device | str, calls: int = 0) -> None:
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


@dataclass(frozen=True)
class Task:
    """An inverse problem on a dataset: y = A(x) + sigma n.

    Attributes:
        operator: its name in tables and streams.
        params: the operator's own parameters, but for those at a neutral value.
        sigma: standard deviation of the noise, for images in [-1, 1].
        seed: root seed of all streams.
        spec: what `make_operator` finds the operator by, where that is not its name.

    A field that is added declares a neutral value (`bench.neutral`). Away from it, the field enters keys and the
    identity of y.
    """

    name: str
    dataset: str
    operator: str
    sigma: float
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    title: str | None = None
    spec: str = ""

    def operators(self, shape: Sequence[int], images: Sequence[str]) -> Operator:
        """A batch of operators, one per image, float64 on the CPU.

        Raises:
            ValueError: the operator is unknown, or its parameters do not fit it or the shape.
        """
        seeds = [stream_key("operator", self.seed, self.dataset, image, self.operator) for image in images]
        return make_operator(self.spec or self.operator, shape, seeds, **self.params)

    def measure(self, data: Images, images: Sequence[str]) -> Measured:
        """Measures images one at a time in float64 on the CPU, so that y depends on nothing but its own streams."""
        A = self.operators(data.shape, images)
        x = torch.stack([data.image(image) for image in images]).double()
        keys = [stream_key("measurement", self.seed, self.dataset, image, self.name) for image in images]
        y = []
        for i, key in enumerate(keys):
            one = A[i : i + 1]
            n = StreamNoise([key], torch.float64).new(one.out_shape)
            y.append(one(x[i : i + 1]) + self.sigma * (n if one.measured is None else n * one.measured))
        truths = [data.image_sha256(image) for image in images]
        hashes = [self._identity(A[i : i + 1], key, truths[i]) for i, key in enumerate(keys)]
        return Measured(x, Measurement(torch.cat(y), A, self.sigma), hashes, truths)

    def _identity(self, A: Operator, noise_key: int, image_sha256: str) -> str:
        """Masks and kernels enter as float32: the last bits of float64 may differ between processors."""
        tensors = {name: v.float() if v.is_floating_point() else v for name, v in A.parameters().items()}
        further = added(self)
        return digest(
            {
                "operator": [self.operator, A.rev, dict(self.params), list(A.out_shape)],
                "tensors": {name: hashlib.sha256(v.numpy().tobytes()).hexdigest() for name, v in tensors.items()},
                "noise": [SCHEME, f"{noise_key:032x}", self.sigma],
                "image": image_sha256,
                **({"task": further} if further else {}),
                **supplied(A),
            }
        )

    def noise(
        self,
        images: Sequence[str],
        samples: Sequence[int],
        solver: str,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> SolverNoise:
        """The noise that a solver gets for (image, sample) pairs."""
        pairs = list(zip(images, samples, strict=True))
        init = [stream_key("init", self.seed, self.dataset, i, k) for i, k in pairs]
        sampler = [stream_key("sampler", self.seed, self.dataset, i, self.name, solver, k) for i, k in pairs]
        return SolverNoise(init, sampler, dtype, device)

    def block_noise(
        self, image: str, sample: int, solver: str, n: int, dtype: torch.dtype, device: torch.device | str
    ) -> BlockNoise:
        """The noise that a solver gets for a block of n samples of one image."""
        init = stream_key("block-init", self.seed, self.dataset, image, sample)
        sampler = stream_key("block-sampler", self.seed, self.dataset, image, self.name, solver, sample)
        return BlockNoise(init, sampler, n, dtype, device)
