"""The limits of the variance that the laws of our solvers name, see `bench.exact.laws.limits`."""

from collections.abc import Iterator
from importlib import import_module

from bench.certify.laws import all_laws
from bench.exact.laws.limits import Limit


def limits(steps: int = 1000) -> Iterator[Limit]:
    """The limits of all solvers at so many steps, in seconds.

    A file of laws may have ``limits(steps)``, which yields those of its solver.
    """
    for name in all_laws():
        module = import_module(f"solvers.laws.{name}")
        if hasattr(module, "limits"):
            yield from module.limits(steps)
