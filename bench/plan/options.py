"""How a plan is run."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.system.device import bounded_threads, reproducible

BATCH = 8
KEPT = ("dtype", "limit", "compile", "recompute", "deterministic")
"""Options that are part of what is asked; the others say where and in which parts it is computed."""


@dataclass(frozen=True)
class Options:
    """How to run. Only ``dtype``, ``limit`` and ``fast`` change a result beyond rounding.

    Attributes:
        batch: images of a cell solved together. Seconds are compared only at equal batch.
        dtype: one of `DTYPES`.
        shard: (i, n): only the i-th of n parts of the images, from 1.
        retry: run again what failed, ran out of memory or time.
        pictures: keep the pictures of the first so many images of every cell; None keeps all. With several
            samples an image, all are kept unless it is 0: the report compares them pixel by pixel.
        limit: seconds per image and solver, None for no limit.
        compile: run the network through torch.compile. Kernels are fused, so results differ in rounding as
            between devices.
        fast: take the faster ways of calling the network that a probe finds here: compiled, in a lower
            precision, replayed from a GPU's graphs.
        recompute: recompute activations in backward passes from the start. A lone image that runs out of
            memory turns it on anyway.
        data_root: the folder of the user's images of public collections.
        trajectory: keep PSNR and misfit of the estimate after every step, of images.
        deterministic: run in `mode` with a batch of 1: the same bits in any order, shards and workers.
    """

    batch: int = BATCH
    device: str = "cpu"
    dtype: str = "float32"
    shard: tuple[int, int] = (1, 1)
    retry: bool = False
    pictures: int | None = 8
    limit: float | None = None
    compile: bool = False
    recompute: bool = False
    data_root: Path | None = None
    deterministic: bool = False
    fast: bool = False
    trajectory: bool = False

    @property
    def numerics(self) -> dict[str, Any]:
        """The options that belong to the key."""
        numerics: dict[str, Any] = {"dtype": self.dtype}
        if self.limit:
            numerics["limit"] = self.limit
        if self.fast:
            numerics["fast"] = True
        return numerics


def make_options(batch: int | None = None, deterministic: bool = False, **options: Any) -> Options:
    """Makes options; deterministic mode solves one image at a time.

    Raises:
        ValueError: deterministic mode with another batch, or a fast one with what it decides itself.
    """
    if options.get("fast") and deterministic:
        raise ValueError("--fast changes the bits that --deterministic keeps; leave one of them out")
    if options.get("fast") and (options.get("compile") or options.get("recompute")):
        raise ValueError("--fast tries compilation itself, and keeps activations; leave the others out")
    if deterministic and batch not in {None, 1}:
        raise ValueError("--deterministic solves one image at a time; leave --batch out")
    return Options(batch=1 if deterministic else batch or BATCH, deterministic=deterministic, **options)


def mode(options: Options) -> contextlib.AbstractContextManager[None]:
    """The mode in which a plan is prepared and run; it is set before anything of CUDA starts."""
    return reproducible() if options.deterministic else bounded_threads()
