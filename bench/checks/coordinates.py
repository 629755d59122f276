"""The promise that a solver means the same in whichever coordinates its prior has x_t.

Levels of one noise-to-signal ratio are the same up to the scale of x_t, so a solver whose formulas are right
for any schedule makes the same reconstruction of the same draws in all of them.
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from bench.checks.promise import NotAboutIt
from bench.exact.laws.problems import F64, LearnedVariance, orthogonal, streams
from bench.exact.prior import MixturePrior
from bench.operators import make_operator
from bench.prior import Prior
from bench.schedule import FlowSchedule, KarrasSchedule, Schedule, VPSchedule
from bench.solver import Measurement, Operator, Solver

SHAPE, IMAGES, STEPS, SIGMA = (1, 8, 8), 2, 10, 0.1
TOLERANCE = 1e-10
"""Relative, of many steps in float64."""
COORDINATES: dict[str, Schedule] = {
    "variance-exploding": KarrasSchedule.like(VPSchedule()),
    "flow": FlowSchedule.like(VPSchedule()),
}
REMEDY = "take `std`, `ratio` and `variance` from levels, or name the kind of schedule in `needs_schedule`"


def means_the_same_in_all_coordinates(solver: Solver) -> str | None:
    """It makes the same of the same draws in variance-preserving, variance-exploding and flow coordinates.

    That holds for each of its choices and switches, and with a learned variance where the solver takes one.
    """
    if solver.needs_schedule is not Schedule:
        raise NotAboutIt
    given, mixture = problem()
    learned = LearnedVariance(mixture, 0.3)
    for changed, one in variants(solver):
        prior = mixture if one.reject(given.A, learned) else learned
        if one.reject(given.A, prior) is None and (broken := differs(one, given, prior)):
            return f"{broken}{changed}; {REMEDY}"
    return None


def differs(solver: Solver, given: Measurement[Operator], prior: Prior) -> str | None:
    """What is seen where a solver makes something else in other coordinates than in the prior's."""
    expected = reconstruction(solver, given, prior)
    for name, schedule in COORDINATES.items():
        x = reconstruction(solver, given, in_coordinates(prior, schedule))
        apart = float((x - expected).abs().max() / expected.abs().max().clamp_min(1))
        if not apart <= TOLERANCE:  # also where it is not a number
            return f"in {name} coordinates the result differs by {apart:.2g}"
    return None


def reconstruction(solver: Solver, given: Measurement[Operator], prior: Prior) -> Tensor:
    """The state of the last step, (B, *shape) or (B, P, *shape)."""
    given = Measurement(given.y.clone(), given.A, noise=given.noise)
    *_, step = solver.solve(given, prior, streams(IMAGES, name="coordinates"))
    return step.x.clone()


def in_coordinates(prior: Prior, schedule: Schedule) -> Prior:
    """A prior of the problem, noised by another schedule."""
    if isinstance(prior, LearnedVariance):
        return LearnedVariance(in_coordinates(prior.prior, schedule), prior.v)
    assert isinstance(prior, MixturePrior)
    return prior.on(schedule)


def variants(solver: Solver) -> Iterator[tuple[str, Solver]]:
    """The solver with few steps, and with each choice and switch changed, after what changed in words."""
    few: dict[str, Any] = {"steps": STEPS} if getattr(solver, "steps", 0) > STEPS else {}
    solver = replace(solver, **few)
    yield "", solver
    hints = get_type_hints(type(solver))
    for field in fields(solver):
        for value in choices(hints[field.name]):
            if value != getattr(solver, field.name):
                change: dict[str, Any] = {field.name: value}
                yield f" where {field.name} = {value}", replace(solver, **change)


def choices(hint: object) -> tuple[Any, ...]:
    """The values of a field of few values; none of a number."""
    if hint is bool:
        return (False, True)
    return get_args(hint) if get_origin(hint) is Literal else ()


def problem() -> tuple[Measurement[Operator], MixturePrior]:
    """Masked images of a mixture of three Gaussians, some of whose estimates a clip touches."""
    d, noise = 64, streams(IMAGES, name="coordinates-problem")
    spread = torch.linspace(0.02, 0.5, d, dtype=F64)
    means = streams(3, name="coordinates-means").new(SHAPE) / 2
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=F64)
    prior = MixturePrior(weights, means, torch.stack([spread, spread.flip(0), spread]), orthogonal(d, 4))
    A = make_operator("inpaint_random", SHAPE, range(IMAGES))
    y = A(prior.sample(noise))
    n = noise.like(y)
    return Measurement(y + SIGMA * (n if A.measured is None else n * A.measured), A, SIGMA), prior
