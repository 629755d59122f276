"""The solver interface: all that a solver's file needs from the project.

A solver is a frozen dataclass whose fields are its hyper-parameters, and one method that yields after every
step. It sees a measurement, a prior and a noise source; it never sees the ground truth, a metric, a file or a
clock.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from annotated_types import Ge, Gt, Le
from torch import Tensor

from bench.noise import Noise
from bench.operators.base import LinearOperator, Operator, PinvOperator, SVDOperator, norm
from bench.operators.neutral import Neutral
from bench.prior import Prior
from bench.schedule import CLEAN, Level, Spacing, VPSchedule, ddim, ddim_coefficients, ddpm, draw_level

__all__ = [
    "CLEAN",
    "Count",
    "Level",
    "LinearOperator",
    "Measurement",
    "Neutral",
    "Noise",
    "NonNegative",
    "Operator",
    "PinvOperator",
    "Positive",
    "Prior",
    "SVDOperator",
    "Solver",
    "Spacing",
    "Step",
    "Steps",
    "UnitInterval",
    "VPSchedule",
    "ddim",
    "ddim_coefficients",
    "ddpm",
    "draw_level",
    "norm",
    "particles",
]

Steps = Annotated[int, Ge(1), Le(1000)]
Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
UnitInterval = Annotated[float, Ge(0), Le(1)]


class Measurement(NamedTuple):
    """What a solver is told: y = A(x) + sigma n. Never the ground truth."""

    y: Tensor
    """(B, *m)."""
    A: Operator
    """One operator per image of the batch."""
    sigma: float
    """Standard deviation of the noise in y, in the units of x ([-1, 1])."""


class Step(NamedTuple):
    """What a solver yields after every step."""

    x: Tensor
    """(B, *shape), the state; that of the last step is the reconstruction."""
    x0: Tensor
    """(B, *shape), the current estimate of the clean image."""


@dataclass(frozen=True)
class Solver(ABC):
    """An algorithm that reconstructs x from a measurement with a diffusion prior.

    The fields of a subclass are its hyper-parameters, with the names of its paper; annotate ranges
    (``Steps``, ``Positive``, ``UnitInterval``). Reductions run over one image only: what a solver does to an
    image does not depend on its batch mates.

    A field that is added later declares the value at which it changes nothing, as in
    ``tilt: Annotated[float, Neutral(0.0)] = 0.0``: keys leave it out there, and earlier records keep theirs.
    """

    paper: ClassVar[str] = ""
    """arXiv identifier, printed under every table that shows the solver."""
    needs: ClassVar[type[Operator]] = Operator
    """The least capable operator that the solver accepts."""
    needs_gradient: ClassVar[bool] = False
    """Whether the solver differentiates through A, so that a gradient-free operator is refused."""
    baseline: ClassVar[bool] = False
    """An anchor row, not a method: exempt from the paper id and from having to beat A+ y."""
    rev: ClassVar[int] = 1
    """Raised whenever a change of the code changes results; part of every record's key."""
    __pydantic_config__: ClassVar[dict] = {"extra": "forbid", "allow_inf_nan": False}

    def reject(self, A: Operator, prior: Prior) -> str | None:
        """Why this instance cannot solve problems with A and the prior, or None where it can."""
        name = type(self).__name__
        if not isinstance(A, self.needs):
            rung = next(c for c in type(A).__mro__ if c.__module__ == Operator.__module__)
            return f"{name} needs {self.needs.__name__}; {type(A).__name__} is {rung.__name__}"
        if self.needs_gradient and not A.differentiable:
            return f"{name} needs a gradient through A; {type(A).__name__} has none"
        return None

    @abstractmethod
    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields after every step; the last ``x`` is the reconstruction, (B, *shape) in about [-1, 1]."""


def particles(solver: Solver) -> int:
    """How many correlated samples P of an image a solver makes at once: its field ``particles``, else 1.

    With that field the tensors of a `Step` are (B, P, *shape).
    """
    return getattr(solver, "particles", 1)
