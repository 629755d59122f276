"""Exact draws of a distribution, each set from a stream of its own, apart from those of any solver."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.batch import Images
from bench.exact.prior import ExactPrior
from bench.noise import Noise, StreamNoise, stream_key


class _Rows(Noise):
    """Consecutive pieces of one stream as the images of a batch: thousands of draws need no stream each."""

    def __init__(self, stream: StreamNoise, n: int) -> None:
        self.stream, self.n = stream, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, images: Images) -> Noise:
        raise TypeError("the rows of one stream are drawn together")

    def new(self, shape: Sequence[int]) -> Tensor:
        return self.stream.new((self.n, *shape))[0]

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return self.stream.uniform((self.n, *shape))[0]


def draw(distribution: ExactPrior, n: int, *name: str | int) -> Tensor:
    """Exact draws, (n, d), a function of the distribution and of the name of their stream."""
    stream = StreamNoise([stream_key("exact draws", *name)], distribution.dtype, distribution.device)
    return distribution.sample(_Rows(stream, n)).flatten(1)


def normals(n: int, d: int, *name: str | int) -> Tensor:
    """Standard normals, (n, d) float64, a function of the name of their stream."""
    return StreamNoise([stream_key("exact draws", *name)], torch.float64).new((n, d))[0]
