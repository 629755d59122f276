"""What users supply to operators, made up: a pool of masks, and a blur network of two features with random
weights."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch

from bench.operators.base import Operator
from bench.operators.bkse import BlurNetwork
from bench.operators.masks import InpaintFreeform, Masks
from bench.operators.nonlinear import BlurNonlinear


def holes(n: int, H: int, W: int, seed: int = 0) -> np.ndarray:
    """(n, H, W) bool, a band of its own in each mask."""
    rng = np.random.default_rng(seed)
    place = rng.integers(0, H, (n, 1, 1)) + rng.uniform(-1, 1, (n, 1, 1)) * np.arange(W)
    return np.abs(np.arange(H)[:, None] - place) < H / 8


@cache
def blur_network(seed: int = 0, dtype: torch.dtype = torch.float64) -> BlurNetwork:
    """Random weights that keep the size of what passes through, so that the blur depends on the code."""
    network = BlurNetwork(nf=2, front=1, back=1)
    generator = torch.Generator().manual_seed(seed)
    for p in network.parameters():
        p.data.normal_(0, 0.1 if p.ndim == 1 else p[0].numel() ** -0.5, generator=generator)
    return network.to(dtype).requires_grad_(False)


def inpaint_freeform(shape: Sequence[int], seeds: Sequence[int]) -> Operator:
    masks = holes(60, *shape[1:])
    return InpaintFreeform(shape, seeds, Masks(np.packbits(masks.reshape(60, -1), axis=1), "made up"))


def blur_nonlinear(shape: Sequence[int], seeds: Sequence[int]) -> Operator:
    return BlurNonlinear(shape, seeds, blur_network(), "made up")


MADE = {"inpaint_freeform": inpaint_freeform, "blur_nonlinear": blur_nonlinear}
"""The operators that need files, built without one."""
