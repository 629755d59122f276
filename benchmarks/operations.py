"""Counts the operations of one evaluation of each 256 x 256 network, without and with its input's gradient.

    python benchmarks/operations.py

torch counts them for one image on the architecture of the card, without weights. The plan of `report --paper`
takes its times from them (reports/published.toml).
"""

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.priors import read_card
from bench.priors.unet import build_unet

NAMES = ("ffhq256_uncond", "imagenet256_uncond")


def tflop(name: str, gradient: bool) -> float:
    """Operations in units of 10^12; a multiplication and an addition count as two."""
    architecture = read_card(name)[0].architecture.model_dump(exclude_unset=True)
    with torch.device("meta"):
        network = build_unet(**architecture).requires_grad_(False)
        x, t = torch.empty(1, network.in_channels, 256, 256, requires_grad=gradient), torch.zeros(1)
    with FlopCounterMode(display=False) as counted, torch.set_grad_enabled(gradient):
        y = network(x, t)
        if gradient:
            y.sum().backward()
    return counted.get_total_flops() / 1e12


if __name__ == "__main__":
    for name in NAMES:
        forward, both = tflop(name, gradient=False), tflop(name, gradient=True)
        print(f"{name}: {forward:.3g} TFLOP, with the gradient {both:.3g} ({both / forward:.2f} times)")
