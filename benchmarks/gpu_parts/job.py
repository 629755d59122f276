"""The input of a part: device, sizes, time, earlier measurements, and a way to say what it measured."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.system.device import out_of_memory, release_memory

ROOT = Path(__file__).resolve().parents[2]
NOT_INSTALLED = "package '{}' is not installed"
NO_TIME, NO_MEMORY = "no time left", "out of memory"


class Skipped(Exception):
    """There is nothing to measure; the message says why."""


class Failed(Exception):
    """Something was not measured, or is not as it should be; the message is the part's status."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    network: str = "ffhq256_uncond"
    """That of overhead and checked costs."""
    batches: tuple[int, ...] = (1, 4, 16)
    grid: int = 4
    """The batch at which all settings are measured."""
    largest: int = 256
    repeats: int = 5
    steps: int = 20
    turns: int = 3
    compiled: tuple[tuple[str, str], ...] = (
        ("ffhq256_uncond", "float16"),
        ("imagenet256_uncond", "float16"),
        ("ffhq256_uncond", "float32"),
    )
    backend: str = "inductor"
    fast: tuple[str, ...] = ("ffhq256_uncond", "imagenet256_uncond")
    lower: str = "float16"
    """Precision of most comparisons of `fast`."""
    tasks: tuple[str, ...] = ("sr_average4", "inpaint_box")
    rows: tuple[str, ...] = (
        "ddrm.steps=20",
        "red_diff.steps=100",
        "pigdm",
        "dps.steps=100",
        "ddnm",
        "diffpir",
        "daps",
        "mcg",
    )
    images: int = 3
    tests: tuple[str, ...] = (
        "device",
        "unet",
        "network",
        "azula_priors",
        "diffusers_networks",
        "diffusers_priors",
    )
    """Files test_*.py with tests of devices."""
    chosen: str = ""
    """Which of their tests, an expression of pytest; all where empty."""


TOY_SIZES = Sizes(
    network="toy",
    batches=(1, 2),
    grid=2,
    largest=4,
    repeats=2,
    steps=3,
    turns=1,
    compiled=(("toy", "float32"),),
    backend="eager",
    fast=("toy",),
    lower="tf32",
    tasks=("sr_average4",),
    rows=("pinv",),
    images=1,
    tests=("device",),
    chosen="wholly_on_their_device and (grey or hdr) or waited_for",
)


@dataclass(frozen=True)
class GpuJob:
    """The input of a part.

    Attributes:
        device: to measure.
        sizes: how much is measured.
        deadline: of `time.monotonic`; a part ends by itself before it is killed.
        given: the document of `benchmarks/gpu.py`, with what earlier parts measured.
        emit: takes a measurement as keywords.
        lost: why measurements are missing, but for the want of memory.
    """

    device: torch.device
    sizes: Sizes
    deadline: float
    given: dict[str, Any]
    emit: Callable[..., None]
    lost: list[str] = field(default_factory=list)

    def left(self) -> float:
        """Seconds to the deadline."""
        return self.deadline - time.monotonic()

    def attempt(self, about: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> bool:
        """Emits a measurement, or why there is none, and returns whether there is; the others go on."""
        found = self._tried(measure) if self.left() > 0 else {"error": NO_TIME}
        self.emit(**about, **found)
        if found.get("error", NO_MEMORY) != NO_MEMORY:
            self.lost.append(found["error"])
        return "error" not in found

    def _tried(self, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The measurement, or the error; memory is free again once the error is gone."""
        try:
            return measure()
        except Exception as error:  # noqa: BLE001 - a kernel, a compiler and a solver may raise anything
            found = {"error": NO_MEMORY if out_of_memory(error) else reason(error)}
        with contextlib.suppress(RuntimeError):  # CUDA tells an earlier error again
            release_memory(self.device)
        return found

    def check(self) -> None:
        """Ends the part.

        Raises:
            Failed: a measurement is missing, for another reason than memory.
        """
        if not self.lost:
            return
        errors = [error for error in self.lost if error != NO_TIME]
        verdict, why = ("failed", errors[0]) if errors else ("timed out", NO_TIME)
        raise Failed(f"{verdict}: {len(self.lost)} measurements are missing: {why}")


def reason(error: BaseException) -> str:
    """One line, without the place of this repository."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}".replace(f"{ROOT}{os.sep}", "")[:300]
