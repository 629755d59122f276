"""Blur kernels and what a spatial operator checks about its image."""

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from bench.noise import fractions, philox_bits, stream_key

Std = Annotated[float, Ge(0.01), Le(10_000)]
"""Standard deviation of a kernel in pixels."""


def image_shape(shape: Sequence[int], what: str) -> tuple[int, int, int]:
    """``shape`` as (C, H, W).

    Raises:
        ValueError: it is not the shape of an image; the message starts with ``what``.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"{what} needs images (C, H, W), got shape {tuple(shape)}")
    C, H, W = (int(n) for n in shape)
    return C, H, W


def uniforms(key: int, n: int) -> np.ndarray:
    """(n,) float64 in [0, 1), exact multiples of 2^-53: the same on every machine."""
    return fractions(philox_bits(key, 0, n)).numpy()


def scaled_taps(taps: int, side: int) -> int:
    """The odd width, at least 3, of a kernel that has ``taps`` at 256 pixels.

    Below 256 it is scaled with the side.
    """
    return 2 * max(1, round((taps - 1) / 2 * min(side, 256) / 256)) + 1


def check_taps(taps: int, side: int) -> int:
    """``taps`` where a kernel of that width is odd and narrower than the image's smaller side.

    Raises:
        ValueError: it is not.
    """
    if taps % 2 == 0 or not 1 <= taps < side:
        largest = side - 1 - side % 2
        raise ValueError(f"taps = {taps}: a blur of {side}-pixel images needs an odd width of 1 to {largest}")
    return taps


def gauss(taps: int, std: float) -> np.ndarray:
    """(taps,), samples of a Gaussian with ``std`` in pixels, sum 1."""
    x = np.arange(taps) - taps // 2
    g = np.exp(-0.5 * (x / std) ** 2)
    return g / g.sum()


def box(taps: int) -> np.ndarray:
    """(taps,), constant, sum 1."""
    return np.full(taps, 1 / taps)


def motion(seed: int, taps: int, points: int = 10, samples: int = 64) -> np.ndarray:
    """(taps, taps), the trace of a shaking camera, >= 0, sum 1, a function of ``seed`` alone.

    A velocity with memory, v_k = 0.7 v_(k-1) + U[-1, 1]^2, moves ``points`` control points; the path is their
    uniform cubic B-spline, sampled ``samples`` times per segment and equally in time, so that slow passages
    weigh more. The path is centred on its mean, scaled so that it reaches 50 to 100 % of the kernel's
    half-width, and drawn with bilinear weights. Only operations that IEEE 754 rounds exactly, in a fixed
    order: the kernel has the same bits on every machine.
    """
    u = uniforms(stream_key("motion", seed), 2 * points + 1)
    velocity = 2 * u[1:].reshape(points, 2) - 1
    for k in range(1, points):
        velocity[k] += 0.7 * velocity[k - 1]
    control = np.cumsum(velocity, axis=0)[:, None]

    t = (np.arange(samples) + 0.5)[:, None] / samples
    basis = ((1 - t) * (1 - t) * (1 - t), 4 + t * t * (3 * t - 6), 1 + t * (3 + t * (3 - 3 * t)), t * t * t)
    path = sum(b / 6 * control[k : points - 3 + k] for k, b in enumerate(basis)).reshape(-1, 2)

    path -= np.array([math.fsum(axis) for axis in path.T]) / len(path)
    radius = taps // 2
    position = path * ((0.5 + 0.5 * u[0]) * radius / np.abs(path).max()) + radius
    corner = np.minimum(position.astype(int), taps - 2)
    f = position - corner
    kernel = np.zeros((taps, taps))
    for i, wi in ((0, 1 - f[:, 0]), (1, f[:, 0])):
        for j, wj in ((0, 1 - f[:, 1]), (1, f[:, 1])):
            np.add.at(kernel, (corner[:, 0] + i, corner[:, 1] + j), wi * wj)
    return kernel / math.fsum(kernel.ravel())
