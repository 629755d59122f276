"""Photographs of scikit-image, made-up ones, and the definition of their preprocessing.

`defined_crop` is an independent resampler: separable, antialiased, in 22-bit fixed point with 8 bits in
between, which is what Pillow does.
"""

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


def box(t):
    return 1.0 * ((t > -0.5) & (t <= 0.5))


def cubic(t, a=-0.5):
    t = np.abs(t)
    inner, outer = ((a + 2) * t - (a + 3)) * t * t + 1, (((t - 5) * t + 8) * t - 4) * a
    return np.where(t < 1, inner, np.where(t < 2, outer, 0))


def weights(n_in, n_out, kernel, radius):
    """(n_out, n_in), integers in float64, which holds their sums with 8-bit pixels exactly."""
    scale = n_in / n_out
    width = max(scale, 1.0)
    rows = np.zeros((n_out, n_in))
    for k in range(n_out):
        centre = (k + 0.5) * scale
        a, b = max(int(centre - radius * width + 0.5), 0), min(int(centre + radius * width + 0.5), n_in)
        w = kernel((np.arange(a, b) - centre + 0.5) / width)
        w = w / w.sum() * 2**22
        rows[k, a:b] = np.trunc(w + np.where(w < 0, -0.5, 0.5))
    return rows


def resample(x, size, kernel, radius):
    """(H, W, C) uint8 -> (h, w, C) uint8; first along rows, then along columns."""
    for axis, n in ((1, size[0]), (0, size[1])):
        if x.shape[axis] != n:
            summed = (
                np.tensordot(weights(x.shape[axis], n, kernel, radius), x.astype(float), (1, axis)) + 2**21
            )
            x = np.clip(np.floor(np.moveaxis(summed, 0, axis) / 2**22), 0, 255).astype(np.uint8)
    return x


def defined_crop(x, side):
    """The definition, on an array."""
    while min(x.shape[:2]) >= 2 * side:
        x = resample(x, (x.shape[1] // 2, x.shape[0] // 2), box, 0.5)
    h, w, _ = x.shape
    h, w = (round(Fraction(length * side, min(h, w))) for length in (h, w))
    x = resample(x, (w, h), cubic, 2.0)
    return x[(h - side) // 2 :][:side, (w - side) // 2 :][:, :side]


def photographs(folder):
    (folder / "sub").mkdir(parents=True)
    for name, size in (("b.png", (40, 31)), ("sub/a.jpg", (16, 20)), ("sub/B.PNG", (33, 64))):
        Image.effect_noise(size, 60).convert("RGB").save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


def noise(path, size, mode="RGB", **options):
    """A file of noise, whose content differs from file to file."""
    Image.effect_noise(size, 60).convert(mode).save(path, **options)
    return path


def deep_png(path, kind, side=16):
    """A PNG of 16 bits a channel, which Pillow does not write; kind 2 is RGB, 6 is RGBA."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + np.arange(side * (4 if kind == 6 else 3), dtype=">u2").tobytes()
    header = struct.pack(">IIBBBBB", side, side, 16, kind, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * side)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path
