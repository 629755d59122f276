"""The solver interface: all that a solver's file needs from the project.

A solver is a frozen dataclass whose fields are its hyper-parameters, and one method that yields after every
step. It sees a measurement, a prior and a noise source; it never sees the ground truth, a metric, a file or a
clock.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, Self, TypeVar

from annotated_types import Ge, Gt, Le
from torch import Tensor

from bench.batch import Images
from bench.likelihood import Gaussian, Laplace, NoiseModel, Poisson, names
from bench.noise import Noise
from bench.operators.base import (
    RUNGS,
    ConjugateGradients,
    LinearOperator,
    Operator,
    PinvOperator,
    SVDOperator,
    dot,
    norm,
    per_image,
)
from bench.operators.base.neutral import Neutral
from bench.pieces import (
    FlowLevel,
    conditional_draw,
    conditional_mean,
    descent,
    flow_levels,
    probability_flow,
    resample,
    squared_norm,
)
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
    "ConjugateGradients",
    "Count",
    "FlowLevel",
    "FlowSchedule",
    "Gaussian",
    "Images",
    "KarrasSchedule",
    "Laplace",
    "Level",
    "LinearOperator",
    "Measurement",
    "Neutral",
    "Noise",
    "NoiseModel",
    "NonNegative",
    "Operator",
    "PinvOperator",
    "Poisson",
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
    "conditional_draw",
    "conditional_mean",
    "ddim",
    "ddim_coefficients",
    "ddpm",
    "descent",
    "dot",
    "draw_level",
    "flow_levels",
    "fresh_noise",
    "norm",
    "particles",
    "per_image",
    "probability_flow",
    "resample",
    "squared_misfit",
    "squared_norm",
    "state_shape",
    "vjp_once",
]

MOST = 1e12
"""Bound of every number among a solver's settings."""
Steps = Annotated[int, Ge(1), Le(1000)]
Count = Annotated[int, Ge(1), Le(1_000_000)]
Positive = Annotated[float, Gt(0), Le(MOST)]
NonNegative = Annotated[float, Ge(0), Le(MOST)]
UnitInterval = Annotated[float, Ge(0), Le(1)]


Rung = TypeVar("Rung", bound=Operator)


class Measurement(tuple[Tensor, Rung, float], Generic[Rung]):
    """What a solver is told: y, A and how y scatters around A(x). Never the ground truth.

    It unpacks as ``y, A, sigma``. ``Measurement[SVDOperator]`` says in a signature which operators the solver
    takes; `Solver.needs` makes sure of it, and `Solver.noises` of the noise.

    Args:
        y: (B, *m), real or complex. Entries that were not measured become 0, whatever they hold.
        A: one operator per image of the batch.
        sigma: standard deviation of the noise where it is `Gaussian`.
        noise: any other noise, instead of sigma.
    """

    noise: NoiseModel

    def __new__(
        cls, y: Tensor, A: Rung, sigma: float | Tensor = 0.0, noise: NoiseModel | None = None
    ) -> Self:
        noise = Gaussian(sigma) if noise is None else noise
        self = super().__new__(cls, (A.masked(y), A, per_image(noise.std, y.real)))
        self.noise = noise
        return self

    def __getnewargs__(self) -> tuple[Tensor, Rung, float, NoiseModel]:
        """What a copy is made of."""
        return (*self, self.noise)

    @property
    def y(self) -> Tensor:
        """(B, *m)."""
        return self[0]

    @property
    def A(self) -> Rung:
        """One operator per image of the batch."""
        return self[1]

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise in y, in the units of x ([-1, 1]).

        NaN where it depends on A(x); where images differ, a tensor that broadcasts against y.
        """
        return self[2]

    def select(self, images: Images) -> "Measurement[Rung]":
        """The measurements of some images of the batch, whose calls of A are counted for these."""
        return Measurement(self.y[images], self.A[images], noise=self.noise[images])


NOTHING: Mapping[str, Tensor] = MappingProxyType({})


class Step(NamedTuple):
    """What a solver yields after every step."""

    x: Tensor
    """(B, *shape), the state; that of the last step is the reconstruction."""
    x0: Tensor
    """(B, *shape), the current estimate of the clean image."""
    notes: Mapping[str, Tensor] = NOTHING
    """Name -> (B,), what the method wants kept of this step, such as inner iterations. A record has the sum
    over the steps."""


@dataclass(frozen=True)
class Solver(ABC):
    """An algorithm that reconstructs x from a measurement with a diffusion prior.

    The fields of a subclass are its hyper-parameters, with the names of its paper; annotate ranges
    (``Steps``, ``Positive``, ``UnitInterval``). Reductions run over one image only: what a solver does to an
    image does not depend on its batch mates.

    A field ``steps`` is the number of network evaluations per image (and particle) that is asked for, and
    nothing else; a method that counts levels or iterations gives these another name.

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
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (Gaussian,)
    """The noise models that the solver accounts for, or does not mind."""
    baseline: ClassVar[bool] = False
    """An anchor row, not a method: exempt from the paper id and from having to beat A+ y."""
    stops_early: ClassVar[bool] = False
    """Whether an image may end before it has made all its ``steps``."""
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
        levels = self.grid_size()
        if schedule is not None and levels is not None and levels > schedule.T:
            return (
                f"{name} with these settings has {levels} levels; the schedule of '{prior.name}' has "
                f"{schedule.T}: take fewer steps, or more evaluations a level"
            )
        return None

    def refuses(self, A: Operator, prior: Prior, noise: NoiseModel) -> str | None:
        """Why this instance cannot solve problems with A, the prior and the noise, or None where it can."""
        if not isinstance(noise, self.noises):
            return f"{type(self).__name__} takes {names(self.noises)} noise; y has {type(noise).__name__}"
        return self.reject(A, prior)

    def yields(self) -> int | None:
        """How many steps `solve` yields, None where nobody can tell before; by default one an evaluation."""
        return getattr(self, "steps", None)

    def grid_size(self) -> int | None:
        """How many levels of the schedule's grid `solve` asks for, None for no grid.

        By default as many as it yields steps, where there is a field ``spacing``.
        """
        return self.yields() if hasattr(self, "spacing") else None

    def quick(self, n: int) -> Self:
        """The same solver with a small budget, for checks and first looks: at most n network evaluations.

        A method with other costly loops makes these shorter too.
        """
        steps = getattr(self, "steps", None)
        fewer: dict[str, Any] = {} if steps is None else {"steps": min(steps, n)}
        return replace(self, **fewer)

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
    x0, v, pull_x0 = prior.moments_vjp_once(x, t)
    inside: Tensor | int = 1
    if clip:
        inside, x0 = x0.abs() <= 1, x0.clamp(-1, 1)
    graph = [pull_x0]

    def pull(u: Tensor) -> Tensor:
        return graph.pop()(inside * u)

    return x0, v, pull


def squared_misfit(x0: Tensor, measurement: Measurement[Any]) -> Tensor:
    """||y - A(x0)||^2 of each image, (B, 1, ...), which broadcasts against x0, (B, *shape).

    Entries that were not measured count 0. Where the variance of the noise depends on y, each entry has the
    root of `NoiseModel.weights`.
    """
    y, A, _ = measurement
    r = A.masked(measurement.noise.weights(y) ** 0.5 * (y - A(x0)))
    return per_image(dot(r, r), x0)


def fresh_noise(noise: Noise, x: Tensor, s: Level[float]) -> Tensor:
    """Standard normals like x, (B, ...), for a step to level s, or x itself where s is clean.

    The steps to the clean level multiply them by 0, and nothing is drawn.
    """
    return noise.like(x) if s.sigma > 0 else x


def particles(solver: Solver) -> int:
    """How many correlated samples P of an image a solver makes at once: its field ``particles``, else 1.

    With that field the tensors of a `Step` are (B, P, *shape), for P = 1 too.
    """
    return getattr(solver, "particles", 1)


def state_shape(solver: Solver, n: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a state for n images: (n, *shape), or (n, P, *shape) with a field ``particles``."""
    return (n, solver.particles, *shape) if hasattr(solver, "particles") else (n, *shape)
