"""Operators that average disjoint groups of entries: block-mean super-resolution and grey images."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from bench.operators.base import SVDOperator, per_image
from bench.operators.kernels import image_shape


class GroupMean(SVDOperator):
    """The mean over groups of k entries.

    A A^T = I / k, so s = 1 / sqrt(k), and A+ copies a mean to its whole group.

    In each group, V is the reflection that swaps the first unit vector and the constant one, u = (1, ..., 1)
    / sqrt(k) (Householder): V = Vt, the group's mean sits at its first entry, and no basis is stored.
    """

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], k: int) -> None:
        super().__init__(shape, seeds)
        self.k = k
        self.singular = torch.zeros(1, *self.shape, dtype=torch.float64)
        self.first(self.singular)[:] = k**-0.5

    @abstractmethod
    def mean(self, x: Tensor) -> Tensor:
        """Each group's mean, (B, *shape) -> (B, *m)."""

    @abstractmethod
    def copies(self, y: Tensor) -> Tensor:
        """Each value copied to its group, (B, *m) -> (B, *shape)."""

    @abstractmethod
    def first(self, z: Tensor) -> Tensor:
        """A view of each group's first entry, (B, *shape) -> (B, *m)."""

    @property
    def s(self) -> Tensor:
        return self.singular

    def forward(self, x: Tensor) -> Tensor:
        return self.mean(x)

    def transpose(self, v: Tensor) -> Tensor:
        return self.copies(v / self.k)

    def solve_pinv(self, y: Tensor, damping: float | Tensor = 0.0) -> Tensor:
        return self.copies(y / (1 + self.k * per_image(damping, y)))

    def apply_U(self, z: Tensor) -> Tensor:
        return self.first(z).clone()

    def apply_Ut(self, y: Tensor) -> Tensor:
        z = y.new_zeros(len(y), *self.shape)
        self.first(z).copy_(y)
        return z

    def apply_V(self, z: Tensor, /) -> Tensor:
        root = self.k**0.5
        if root == 1:
            return z.clone()
        c = (self.first(z) - root * self.mean(z)) / (1 - 1 / root)
        out = self.copies(c / root).add_(z)
        self.first(out).sub_(c)
        return out

    apply_Vt = apply_V


class SRAverage(GroupMean):
    """Super-resolution from the means of ``factor`` x ``factor`` blocks.

    A+ is nearest-neighbour upsampling.
    """

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], factor: int) -> None:
        self.factor = factor
        check_factor(shape, factor, "sr_average")
        super().__init__(shape, seeds, factor**2)

    @property
    def out_shape(self) -> tuple[int, ...]:
        C, H, W = self.shape
        return C, H // self.factor, W // self.factor

    def conventions(self) -> dict[str, str]:
        return {"down-sampler": f"mean of blocks of {self.factor} x {self.factor}"} | super().conventions()

    def mean(self, x: Tensor) -> Tensor:
        return avg_pool2d(x, self.factor)

    def copies(self, y: Tensor) -> Tensor:
        return y.repeat_interleave(self.factor, -1).repeat_interleave(self.factor, -2)

    def first(self, z: Tensor) -> Tensor:
        return z[..., :: self.factor, :: self.factor]


class Grey(GroupMean):
    """The mean of the three channels, (3, H, W) -> (1, H, W): colourisation."""

    def __init__(self, shape: Sequence[int], seeds: Sequence[int]) -> None:
        channels = image_shape(shape, "grey")[0]
        if channels != 3:
            raise ValueError(
                f"grey needs images with 3 channels, got {channels}; choose another operator for them"
            )
        super().__init__(shape, seeds, channels)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return 1, *self.shape[1:]

    def conventions(self) -> dict[str, str]:
        return {"channels": "mean of the three, equal weights"} | super().conventions()

    def mean(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)

    def copies(self, y: Tensor) -> Tensor:
        return y.repeat(1, self.k, 1, 1)

    def first(self, z: Tensor) -> Tensor:
        return z[:, :1]


def check_factor(shape: Sequence[int], factor: int, what: str) -> None:
    """Refuses images whose sides are no multiples of ``factor``.

    Raises:
        ValueError: they are not; names the operator ``what``.
    """
    _, H, W = image_shape(shape, f"{what}{factor}")
    if H % factor or W % factor:
        raise ValueError(f"{what}{factor} needs sides divisible by {factor}, got {H} x {W} pixels")
