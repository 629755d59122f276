"""Runs one part, in a process of its own.

    python -m benchmarks.gpu_parts PART --device cuda --seconds 60 --given gpu.json

Prints a JSON object, a line each, for the machine, every measurement, and a status other than "ok".
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.system.device import cores, device_name, get_device
from bench.system.versions import commit, versions
from benchmarks.gpu_parts.checks import measure_tests, measure_verify
from benchmarks.gpu_parts.fast import measure_fast
from benchmarks.gpu_parts.harness import measure_costs, measure_overhead
from benchmarks.gpu_parts.job import NOT_INSTALLED, ROOT, TOY_SIZES, Failed, GpuJob, Sizes, Skipped, reason
from benchmarks.gpu_parts.networks import measure_compiled, measure_network

PARTS: dict[str, Callable[[GpuJob], None]] = {
    "ffhq256_uncond": partial(measure_network, name="ffhq256_uncond"),
    "imagenet256_uncond": partial(measure_network, name="imagenet256_uncond"),
    "overhead": measure_overhead,
    "costs": measure_costs,
    "verify": measure_verify,
    "tests": measure_tests,
    "compiled": measure_compiled,
    "fast": measure_fast,
}


def main() -> None:
    """Runs the command line; exits with 1 where the part failed."""
    start = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--device", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--given", type=Path, required=True)
    parser.add_argument("--toy", action="store_true")
    args = parser.parse_args()
    emit = emitter()
    try:
        device = get_device(args.device)
        emit(machine=machine(device), commit=commit())
        sizes = TOY_SIZES if args.toy else Sizes()
        job = GpuJob(device, sizes, start + 0.9 * args.seconds, json.loads(args.given.read_text()), emit)
        PARTS[args.part](job)
        job.check()
    except Skipped as error:
        emit(status=f"skipped: {error}")
    except Failed as error:
        emit(status=str(error))
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other parts go on
        lacking = missing_package(error)
        emit(status=f"skipped: {NOT_INSTALLED.format(lacking)}" if lacking else f"failed: {reason(error)}")
        traceback.print_exc()
        sys.exit(0 if lacking else 1)


def emitter() -> Callable[..., None]:
    """Prints keywords as a JSON object where the parent reads; all other output goes to stderr."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def emit(**row: Any) -> None:
        print(json.dumps(row), file=channel, flush=True)

    return emit


def machine(device: torch.device) -> dict[str, Any]:
    """The machine and the software that the numbers belong to."""
    found = {"device": device_name(device), "cores": cores(), "versions": versions()}
    if device.type == "cuda":
        found["memory_gb"] = torch.cuda.get_device_properties(device).total_memory / 1e9
        found["cuda"], found["cudnn"] = torch.version.cuda, torch.backends.cudnn.version()
        found["driver"] = driver()
    return found


def driver() -> str | None:
    """Version of NVIDIA's driver; None where nvidia-smi does not tell."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)  # noqa: S603
        return done.stdout.split()[0]
    return None


def missing_package(error: Exception) -> str | None:
    """Name of a package that is not of this repository and could not be imported."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return name if name and not (ROOT / name).exists() else None


if __name__ == "__main__":
    main()
