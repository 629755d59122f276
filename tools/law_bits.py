"""Prints a hash of what every solver yields on the problems of its laws, bit by bit, as JSON.

    cd SOME_CHECKOUT && PYTHONPATH=. python path/to/law_bits.py

It measures the package of the working folder, of whichever commit that is. Where commits have the same thing
in different modules, `PLACES` names them all; add one that is missing.
"""

import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

PLACES = {
    "all_laws": ("bench.certify.laws",),
    "LAWS": ("bench.certify",),
    "subject": ("bench.certify.laws", "bench.certify"),
    "code_sha256": ("bench.certify.code", "bench.certify.certificate"),
}
"""Name -> the modules that may have it, in the order in which they are tried."""


def find(name: str) -> Any:
    """The object of this name in the first module that has it."""
    for place in PLACES[name]:
        try:
            return getattr(importlib.import_module(place), name)
        except (ImportError, AttributeError):
            continue
    raise LookupError(f"none of {', '.join(PLACES[name])} has {name}; add its module to {__file__}")


def laws_by_solver() -> dict[str, list[Any]]:
    """Solver -> its laws, in a tree of today or in one that lists them."""
    try:
        return find("all_laws")()
    except LookupError:
        return find("LAWS")


def recording(solver: type, seen: Any) -> type:
    """The same solver, whose float64 states and estimates go into the hash ``seen`` as they are yielded."""

    def solve(self: Any, *problem: Any) -> Iterator[Any]:
        for step in super(recorded, self).solve(*problem):
            for tensor in (step.x, step.x0):
                if tensor.dtype == torch.float64:
                    seen.update(f"{tuple(tensor.shape)}".encode())
                    seen.update(tensor.detach().contiguous().numpy().tobytes())
            yield step

    recorded = type(solver.__name__, (solver,), {"solve": solve, "__module__": solver.__module__})
    return recorded


def law_bits(solver: type, law: Any) -> str:
    """The hash of all that a solver yields while a law is measured."""
    seen = hashlib.sha256()
    law.error(recording(solver, seen))
    return seen.hexdigest()


def measure() -> dict[str, dict[str, Any]]:
    """Solver -> the hash of its code, and law -> bits."""
    if not Path(importlib.import_module("bench").__file__).is_relative_to(Path.cwd()):
        raise SystemExit(f"the package is not that of {Path.cwd()}: set PYTHONPATH=.")
    code_sha256, subject = find("code_sha256"), find("subject")
    found = {}
    for name, laws in laws_by_solver().items():
        solver = subject(name)
        found[name] = {"code": code_sha256(solver), "laws": {law.name: law_bits(solver, law) for law in laws}}
    return found


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
