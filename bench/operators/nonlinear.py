"""Nonlinear operators: clipped exposure, phase retrieval and a learned blur."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.fft import fft2, fftshift, ifft2, ifftshift

from bench.noise import StreamNoise, stream_key
from bench.operators.base import Operator, PinvOperator
from bench.operators.bkse import STRIDE, BlurNetwork, published_network
from bench.operators.kernels import image_shape
from bench.system.supplied import supplied_file


class HDR(PinvOperator):
    """A(x) = clip(2 x, -1, 1), an exposure twice too long.

    Its pseudo-inverse y / 2 knows nothing of what was clipped.
    """

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def conventions(self) -> dict[str, str]:
        return {"response": "clip(2 x, -1, 1)"}

    def forward(self, x: Tensor) -> Tensor:
        return (2 * x).clamp(-1, 1)

    def solve_pinv(self, y: Tensor) -> Tensor:
        return y / 2


class PhaseRetrieval(Operator):
    """A(x) = |F(x)|, the centred Fourier amplitudes of each channel of the image amid zeros.

    A quarter of the side is padded on each side, an oversampling of 2 as Chung et al. (DPS, arXiv 2209.14687)
    use it; the transform is orthonormal on the padded grid. Amplitudes do not see where in the grid the image
    lies, so the code pads behind it. The gradient at an amplitude of 0 is 0.
    """

    def __init__(self, shape: Sequence[int], seeds: Sequence[int]) -> None:
        super().__init__(shape, seeds)
        _, H, W = image_shape(shape, "phase_retrieval")
        self.margin = H // 4, W // 4
        self.grid = H + 2 * (H // 4), W + 2 * (W // 4)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape[0], *self.grid

    def conventions(self) -> dict[str, str]:
        (top, left), (height, width) = self.margin, self.grid
        padding = f"zeros, {top} and {left} px on each side, {height} x {width} in all"
        return {"amplitudes": "orthonormal transform of x in [-1, 1]", "padding": padding}

    def forward(self, x: Tensor) -> Tensor:
        return fftshift(fft2(x, s=self.grid, norm="ortho").abs(), (-2, -1))

    def guess(self, y: Tensor) -> Tensor:
        """The amplitude of the inverse transform of y, cropped to the image and clipped to [-1, 1].

        This is where the published solvers start (there unclipped: the autocorrelation's peak reaches 43 at
        256 pixels).
        """
        with torch.no_grad():
            (top, left), (_, H, W) = self.margin, self.shape
            correlation = fftshift(ifft2(ifftshift(y, (-2, -1)), norm="ortho").abs(), (-2, -1))
            return correlation[..., top : top + H, left : left + W].clamp(-1, 1)

    def display(self, y: Tensor) -> Tensor:
        """log(1 + y), scaled per image so that 0 is -1 and the largest amplitude is 1."""
        log = y.clamp_min(0).log1p()
        return 2 * log / log.amax((1, 2, 3), keepdim=True).clamp_min(torch.finfo(y.dtype).tiny) - 1


FILE = "GOPRO_wVAE.pth"
VARIABLE = "BENCH_BKSE"
SPREAD = 1.2
"""Standard deviation of the codes, as Chung et al. (DPS, arXiv 2209.14687) draw them."""


class BlurNonlinear(Operator):
    """A(x) = clip(2 b - 1, -1, 1), b: the network's blur of (x + 1) / 2 with the code of the image.

    The code is k = 1.2 N(0, I), a function of the image's seed: y and every data term of a solver see the
    same blur.

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
        self.code = SPREAD * StreamNoise(streams, torch.float64).new(
            (network.code_channels, H // STRIDE, W // STRIDE)
        )
        self.network, self.sha256 = network, sha256

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"code": self.code}

    def conventions(self) -> dict[str, str]:
        return {
            "kernel": f"a code of {SPREAD:g} N(0, I) per image",
            "network": f"weights sha256 {self.sha256[:12]}",
        }

    def supplied(self) -> dict[str, str]:
        return {"weights": self.sha256}

    def guess(self, y: Tensor) -> Tensor:
        """A copy of y, the blurred image."""
        return y.clone()

    def forward(self, x: Tensor) -> Tensor:
        return (2 * self.network((x + 1) / 2, self.code) - 1).clamp(-1, 1)


def blur_nonlinear(shape: Sequence[int], seeds: Sequence[int]) -> BlurNonlinear:
    """`BlurNonlinear` with the published weights, for colour images whose sides are multiples of 128 pixels.

    The file is the one in ``BENCH_BKSE``, or operators/GOPRO_wVAE.pth in the cache.

    Raises:
        ValueError: the file is absent or does not hold the network's weights, all of them and nothing else,
            or the images do not fit the network.
    """
    file = supplied_file(
        "blur_nonlinear", FILE, VARIABLE, f"the weights {FILE} of the blur network of arXiv 2104.00317"
    )
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
        raise ValueError(
            f"blur_nonlinear needs sides divisible by {STRIDE}, which its network halves 7 times, "
            f"got {H} x {W}"
        )
