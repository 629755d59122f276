"""The network of "Explore Image Deblurring via Encoded Blur Kernel Space".

By Tran et al., CVPR 2021, arXiv 2104.00317. It knows blurs as codes: an extractor finds the code k between a
sharp and a blurred image, and an adapter applies a code to a sharp image. Only the second half is used here;
the first is built as well, so that a checkpoint fits as a whole or not at all. The names of the parameters
are those of the published checkpoints: 159 tensors, 115,265,475 numbers.
"""

from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from bench.system.cache import sha256
from bench.system.supplied import Version
from bench.system.weights import WeightsError, read_tensors, refuse_difference

STRIDE = 128
"""Pixels of the image, per side, for one position of the code: two halvings before the adapter and five in
it."""


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), 3 x 3, without normalisation."""

    def __init__(self, nf: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(nf, nf, 3, padding=1), nn.Conv2d(nf, nf, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(relu(self.conv1(x)))


class AdapterLevel(nn.Module):
    """A level of the adapter's U-Net.

    It halves the features, asks the level below (or takes the code) and doubles them.

    Args:
        outer, inner: channels of the features above and below.
        below: the next level; None at the lowest, where the code takes its place.
        outermost: whether it lacks the rectifier before it and the skip connection around it.
    """

    def __init__(
        self, outer: int, inner: int, below: nn.Module | None = None, outermost: bool = False
    ) -> None:
        super().__init__()
        down = nn.Conv2d(outer, inner, 4, 2, 1, bias=False)
        up = nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1, bias=outermost)
        self.down = nn.Sequential(down) if outermost else nn.Sequential(nn.LeakyReLU(0.2), down)
        self.up = nn.Sequential(nn.ReLU(), up, nn.Tanh()) if outermost else nn.Sequential(nn.ReLU(), up)
        if below is not None:
            self.submodule = below
        self.lowest, self.outermost = below is None, outermost

    def forward(self, x: Tensor, k: Tensor) -> Tensor:
        z = self.down(x)
        z = self.up(torch.cat((z, k), 1) if self.lowest else self.submodule(z, k))
        if self.outermost:
            return z
        # The published network rectifies in place, so what skips the level has been through the rectifier
        # too.
        return torch.cat((z, leaky_relu(x, 0.2)), 1)


class Adapter(nn.Module):
    """Features and a code -> features of the blurred image."""

    def __init__(self, nf: int) -> None:
        super().__init__()
        level = AdapterLevel(8 * nf, 8 * nf)
        for width in (4 * nf, 2 * nf, nf):
            level = AdapterLevel(width, 2 * width, level)
        self.model = AdapterLevel(nf, nf, level, outermost=True)

    def forward(self, x: Tensor, k: Tensor) -> Tensor:
        return self.model(x, k)


class BlurNetwork(nn.Module):
    """Image and blur code -> blurred image.

    Args:
        nf: features; a code has 8 ``nf`` channels.
        front, back: residual blocks before and after the adapter.
    """

    def __init__(self, nf: int = 64, front: int = 10, back: int = 20) -> None:
        super().__init__()
        self.code_channels = 8 * nf

        def conv(channels: int, out: int, stride: int = 1) -> nn.Conv2d:
            return nn.Conv2d(channels, out, 3, stride, 1)

        def slope() -> nn.LeakyReLU:
            return nn.LeakyReLU(0.1)

        stem = [conv(3, nf), slope(), conv(nf, nf, 2), slope(), conv(nf, nf, 2), slope()]
        self.feature_extractor = nn.Sequential(*stem, *(ResidualBlock(nf) for _ in range(front)))
        self.kernel_extractor = _extractor(nf, 2 * self.code_channels)
        self.adapter = Adapter(nf)
        trunk: list[nn.Module] = [ResidualBlock(nf) for _ in range(back)]
        for _ in range(2):
            trunk += [conv(nf, 4 * nf), nn.PixelShuffle(2), slope()]
        self.recon_trunk = nn.Sequential(*trunk, conv(nf, nf), slope(), conv(nf, 3))

    def forward(self, x: Tensor, k: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] and (B, 8 nf, H / 128, W / 128) -> (B, 3, H, W) in about [0, 1]."""
        return x + self.recon_trunk(self.adapter(self.feature_extractor(x), k))


def _extractor(nf: int, out: int) -> nn.Module:
    """The convolutions that find a code's mean and spread, by their places in the published network.

    They never run here.
    """
    widths = [min(nf * 2**i, out) for i in range(6)]

    def block() -> nn.Module:
        convolutions = {place: nn.Conv2d(out, out, 3, bias=False) for place in ("1", "5")}
        return nn.ModuleDict({"conv_block": nn.ModuleDict(convolutions)})

    layers: dict[str, nn.Module] = {"1": nn.Conv2d(2 * nf, nf, 7, bias=False)}
    for i, (a, b) in enumerate(pairwise(widths)):
        layers[str(4 + 3 * i)] = nn.Conv2d(a, b, 3, 2, 1, bias=False)
    for i in range(4):
        layers[str(19 + i)] = block()
    return nn.ModuleDict({"model": nn.ModuleDict(layers)})


def load_network(path: Path, network: BlurNetwork) -> BlurNetwork:
    """The network with the weights of a checkpoint, float64 on the CPU, without gradients.

    Its extractor is dropped, since nothing here runs it.

    Args:
        path: a file of ``torch.save`` that holds a dict from names to tensors, all those of the network and
            no others.
        network: on the meta device, so that it has no weights but those that are loaded.

    Raises:
        ValueError: the file cannot be read, or it is not such a dict; the message names the first difference.
    """
    try:
        state = read_tensors(path)
    except WeightsError as error:
        raise ValueError(f"blur_nonlinear: {error}") from None
    try:
        refuse_difference(network.state_dict(), state, "")
    except WeightsError as error:
        found = str(error).removeprefix(": ")
        raise ValueError(
            f"blur_nonlinear: {path} does not hold the weights of the blur network: {found}"
        ) from None
    network.load_state_dict(state, assign=True)
    del network.kernel_extractor
    return network.double().eval().requires_grad_(False)


@lru_cache(maxsize=1)  # half a gigabyte to read, and every batch asks again
def published_network(file: Version) -> tuple[BlurNetwork, str]:
    """The network of the published size with a file's weights, and the file's sha256.

    The network is shared: never change it.

    Raises:
        ValueError: as `load_network`.
    """
    with torch.device("meta"):
        network = BlurNetwork()
    return load_network(file.path, network), sha256(file.path)
