"""Nonlinear blur as a network has learned it from videos of moving cameras and people."""

import copy
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from bench.noise import StreamNoise, stream_key
from bench.operators.base import Operator
from bench.operators.bkse import STRIDE, BlurNetwork, published_network
from bench.operators.kernels import image_shape
from bench.operators.supplied import supplied_file

FILE = "GOPRO_wVAE.pth"
VARIABLE = "BENCH_BKSE"
SPREAD = 1.2
"""Standard deviation of the codes, as Chung et al. (DPS, arXiv 2209.14687) draw them."""


class BlurNonlinear(Operator):
    """A(x) = clip(2 b - 1, -1, 1), b = the network's blur of (x + 1) / 2 with the image's own code k = 1.2 N(0, I).

    One code per image, a function of its seed: y and every data term of a solver see the same blur.

    Args:
        network: with its weights, float64 on the CPU; shared, not copied.
        sha256: of the weights' file.
    """

    batched = ("code",)

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], network: BlurNetwork, sha256: str) -> None:
        super().__init__(shape, seeds)
        check_shape(shape)
        if any(p.is_meta for p in network.parameters()):
            raise ValueError("blur_nonlinear: a network without weights; load them with load_network")
        _, H, W = self.shape
        streams = [stream_key("blur_nonlinear", seed) for seed in self.seeds]
        self.code = SPREAD * StreamNoise(streams, torch.float64).new((network.code_channels, H // STRIDE, W // STRIDE))
        self.network, self.sha256 = network, sha256

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"code": self.code}

    def conventions(self) -> dict[str, str]:
        return {"kernel": f"a code of {SPREAD:g} N(0, I) per image", "network": f"weights sha256 {self.sha256[:12]}"}

    def supplied(self) -> dict[str, str]:
        return {"weights": self.sha256}

    def guess(self, y: Tensor) -> Tensor:
        """A copy of y, the blurred image."""
        return y.clone()

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        return super().to(device, dtype)._with(network=copy.deepcopy(self.network).to(device, dtype))

    def forward(self, x: Tensor) -> Tensor:
        return (2 * self.network((x + 1) / 2, self.code) - 1).clamp(-1, 1)


def blur_nonlinear(shape: Sequence[int], seeds: Sequence[int]) -> BlurNonlinear:
    """`BlurNonlinear` with the published weights, for colour images whose sides are multiples of 128 pixels.

    The file is the one in ``BENCH_BKSE``, or operators/GOPRO_wVAE.pth in the cache.

    Raises:
        ValueError: the file is absent or does not hold the network's weights, all of them and nothing else, or the images do
            not fit the network.
    """
    file = supplied_file("blur_nonlinear", FILE, VARIABLE, f"the weights {FILE} of the blur network of arXiv 2104.00317")
    check_shape(shape)
    return BlurNonlinear(shape, seeds, *published_network(file))


def check_shape(shape: Sequence[int]) -> None:
    """Refuses images that the network does not take.

    Raises:
        ValueError: it does not.
    """
    C, H, W = image_shape(shape, "blur_nonlinear")
    if C != 3:
        raise ValueError(f"blur_nonlinear needs images with 3 channels, got {C}")
    if H % STRIDE or W % STRIDE:
        raise ValueError(f"blur_nonlinear needs sides divisible by {STRIDE}, which its network halves 7 times, got {H} x {W}")
