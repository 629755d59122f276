"""The solver interface: all that a solver's file needs from the project.

A solver is a frozen dataclass whose fields are its hyper-parameters, and one method that yields after every
step. It sees a measurement, a prior and a noise source; it never sees the ground truth, a metric, a file or a
clock.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar

from annotated_types import Ge, Gt, Le
from torch import Tensor

from bench.noise import Noise
from bench.operators.base import RUNGS, LinearOperator, Operator, PinvOperator, SVDOperator, norm
from bench.operators.base.neutral import Neutral
from bench.prior import Prior, Pullback
from bench.schedule import (
    CLEAN,
    FlowSchedule,
    KarrasSchedule,
    Level,
    Schedule,
    Spacing,
    VariancePreserving,
    VPSchedule,
    ddim,
    ddim_coefficients,
    ddpm,
    draw_level,
)

__all__ = [
    "CLEAN",
    "Count",
    "FlowSchedule",
    "KarrasSchedule",
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
    "Pullback",
    "SVDOperator",
    "Schedule",
    "Solver",
    "Spacing",
    "Step",
    "Steps",
    "UnitInterval",
    "VPSchedule",
    "VariancePreserving",
    "ddim",
    "ddim_coefficients",
    "ddpm",
    "draw_level",
    "fresh_noise",
    "norm",
    "particles",
    "vjp_once",
]

Steps = Annotated[int, Ge(1), Le(1000)]
Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
UnitInterval = Annotated[float, Ge(0), Le(1)]


Rung = TypeVar("Rung", bound=Operator)


class Measurement(NamedTuple, Generic[Rung]):
    """What a solver is told: y = A(x) + sigma n. Never the ground truth.

    ``Measurement[SVDOperator]`` says in a signature which operators the solver takes; `Solver.needs` makes
    sure of it.
    """

    y: Tensor
    """(B, *m)."""
    A: Rung
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
    needs: ClassVar[type[Operator]] = Operator  # type: ignore[type-abstract]  # asked of, never built
    """The least capable operator that the solver accepts."""
    needs_gradient: ClassVar[bool] = False
    """Whether the solver differentiates through A, so that a gradient-free operator is refused."""
    needs_schedule: ClassVar[type[Schedule]] = Schedule  # type: ignore[type-abstract]  # asked of, never built
    """The kind of schedule that the solver is for: one that gives another result in other coordinates of x_t
    says `VariancePreserving`, `KarrasSchedule` or `FlowSchedule`, and refuses priors of other kinds."""
    baseline: ClassVar[bool] = False
    """An anchor row, not a method: exempt from the paper id and from having to beat A+ y."""
    rev: ClassVar[int] = 1
    """Raised whenever a change of the code changes results; part of every record's key."""
    __pydantic_config__: ClassVar[dict] = {"extra": "forbid", "allow_inf_nan": False}

    def reject(self, A: Operator, prior: Prior) -> str | None:
        """Why this instance cannot solve problems with A and the prior, or None where it can."""
        name = type(self).__name__
        if not isinstance(A, self.needs):
            rung = next(rung for rung in RUNGS if isinstance(A, rung))
            return f"{name} needs {self.needs.__name__}; {type(A).__name__} is {rung.__name__}"
        if self.needs_gradient and not A.differentiable:
            return f"{name} needs a gradient through A; {type(A).__name__} has none"
        schedule = getattr(prior, "schedule", None)
        if schedule is not None and not isinstance(schedule, self.needs_schedule):
            needed = self.needs_schedule.__name__
            return f"{name} needs a {needed} schedule; '{prior.name}' has {type(schedule).__name__}"
        return None

    @abstractmethod
    def solve(self, measurement: Measurement[Any], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields after every step; the last ``x`` is the reconstruction, (B, *shape) in about [-1, 1]."""


def vjp_once(prior: Prior, x: Tensor, t: Level, clip: bool = False) -> tuple[Tensor, Tensor | None, Pullback]:
    """The estimate E[x0 | x_t = x] and a pullback through it that may be called once.

    The pullback takes the network's graph with it, so that one step's graph lives at a time.

    Args:
        x: (B, *shape) at level t.
        clip: clip the estimate to [-1, 1] inside the graph: saturated pixels pass no gradient.

    Returns:
        x0: (B, *shape).
        v: (B, *shape), the learned variance as of `Prior.moments`, or None.
        pull: u -> (dx0/dx)^T u, (B, *shape) -> (B, *shape).

    >>> import torch
    >>> from bench.exact.prior import GaussianPrior
    >>> prior = GaussianPrior(torch.zeros(2), torch.ones(2))
    >>> t = prior.schedule.level(500)
    >>> x0, _, pull = vjp_once(prior, torch.tensor([[0.5, 9.0]]), t, clip=True)
    >>> x0[0], pull(torch.ones(1, 2))[0] / t.alpha
    (tensor([0.1395, 1.0000]), tensor([1., 0.]))
    """
    x0, v, pull_x0 = prior.moments_vjp(x, t)
    inside: Tensor | int = 1
    if clip:
        inside, x0 = x0.abs() <= 1, x0.clamp(-1, 1)
    graph = [pull_x0]

    def pull(u: Tensor) -> Tensor:
        return graph.pop()(inside * u)

    return x0, v, pull


def fresh_noise(noise: Noise, x: Tensor, s: Level[float]) -> Tensor:
    """Standard normals like x, (B, ...), for a step to level s, or x itself where s is clean.

    The steps to the clean level multiply them by 0, and nothing is drawn.
    """
    return noise.like(x) if s.sigma > 0 else x


def particles(solver: Solver) -> int:
    """How many correlated samples P of an image a solver makes at once: its field ``particles``, else 1.

    With that field the tensors of a `Step` are (B, P, *shape).
    """
    return getattr(solver, "particles", 1)
