"""Asks Optuna for candidates: a quasi-random start, then Gaussian processes. A study lives for a batch.

Gaussian processes make more of a dozen scores than TPE does (`benchmarks/searching.py`).
"""

import contextlib
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.noise import stream_key
from bench.suites.tuning import Space
from bench.suites.yamlfile import SuiteError
from bench.tune.candidates.points import Point, Spaces, ordered
from bench.tune.objectives import CandidateScore, Objective

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

MANY, FEW = 100, 10
"""Draws of one candidate that were tried already, after which it is found otherwise: of a start or at random,
and of Gaussian processes, each of which takes some tenths of a second."""
MOST_LISTED = 10_000
"""Points of a space, or whole numbers of a range, that are listed one by one."""
SAMPLER = "GPSampler"
"""Optuna's name of what is asked behind the start."""
Allowed = Callable[[Mapping[str, Any]], bool]
WORSE = 1.0
"""A lost candidate is told as worse than the worst by this share of the spread, or by so much."""


@dataclass(frozen=True)
class Told:
    """A candidate and its score by each objective."""

    point: Point
    scores: tuple[CandidateScore, ...]


class _Draws(NamedTuple):
    """A study, draws of it for each candidate, and the seed of further ones."""

    study: Any
    attempts: int
    seed: int


def ask(
    spaces: Spaces,
    told: Sequence[Told],
    n: int,
    objectives: Sequence[Objective],
    seed: tuple[Any, ...],
    allowed: Allowed = lambda _: True,
) -> list[Point]:
    """New candidates; fewer where no other is found, such as where the whole space has been tried.

    They are a function of the arguments: neither Optuna's database nor an earlier call enters.

    Args:
        told: those whose scores are known, in their order; a start has the first one only.
        seed: names the batch.
        allowed: whether the method takes these parameters together.

    Raises:
        SuiteError: Optuna is not installed.
    """
    optuna, number = _optuna(), stream_key(*map(str, seed)) % 2**31
    directions = ["maximize" if objective.higher else "minimize" for objective in objectives]
    is_start = len(told) <= 1
    with warnings.catch_warnings(), _alike():
        warnings.simplefilter("ignore")  # a sampler that may change in the future
        if is_start:
            sampler = optuna.samplers.QMCSampler(scramble=True, seed=number)
        else:
            sampler = getattr(optuna.samplers, SAMPLER)(n_startup_trials=0, seed=number)
        study = optuna.create_study(sampler=sampler, directions=directions)
        study.add_trials(list(_trials(spaces, told, objectives)))
        known = [spaces.settings(one.point) for one in told]
        draws = _Draws(study, MANY if is_start else FEW, number)
        return list(_new_points(draws, spaces, known, n, allowed))


@contextlib.contextmanager
def _alike() -> Iterator[None]:
    """Computes on one thread and with torch's own type of numbers, so that candidates depend on neither.

    A method's file may have set another type, and so for the searches behind its own in the same process.
    """
    import torch

    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)


def _optuna() -> Any:
    """Optuna, without its messages."""
    try:
        import optuna
    except ImportError:
        raise SuiteError(
            "`tune` needs Optuna 5 or newer: pip install 'diffusion-inverse-bench[tune]'"
        ) from None
    if int(optuna.__version__.split(".")[0]) < 5:
        raise SuiteError(f"`tune` needs Optuna 5 or newer; {optuna.__version__} is installed")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def optuna_version() -> str:
    """The version of Optuna."""
    return str(_optuna().__version__)


def _new_points(
    draws: _Draws, spaces: Spaces, known: list[dict[str, Any]], n: int, allowed: Allowed
) -> Iterator[Point]:
    """Points whose parameters are not known, which are added to these; as many as wanted or as there are."""
    for _ in range(n):
        if len(known) >= spaces.size():
            return
        point = _drawn(draws.study, draws.attempts, spaces, known, allowed)
        if point is None:
            point = _otherwise(spaces, known, allowed, draws.seed)
        if point is None:
            return
        known.append(spaces.settings(point))
        yield point


def _drawn(
    study: Any, attempts: int, spaces: Spaces, known: Sequence[Mapping[str, Any]], allowed: Allowed
) -> Point | None:
    """The first of some draws that is new."""
    distributions = _distributions(spaces)
    for _ in range(attempts):
        trial = study.ask(distributions)
        point: Point = {name: _value(space, trial.params[name]) for name, space in spaces.spaces.items()}
        if _is_new(spaces, point, known, allowed):
            return point
    return None


def _otherwise(
    spaces: Spaces, known: Sequence[Mapping[str, Any]], allowed: Allowed, seed: int
) -> Point | None:
    """A new point where a sampler insists on known ones, as Gaussian processes do on a firm end of a range.

    The first one that is left of few, a random one of many.
    """
    if spaces.size() <= MOST_LISTED:
        return _first_left(spaces, known, allowed)
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    return _drawn(study, MANY, spaces, known, allowed)


def _is_new(spaces: Spaces, point: Point, known: Sequence[Mapping[str, Any]], allowed: Allowed) -> bool:
    """Whether a point has parameters that were not tried and that the method takes."""
    try:
        params = spaces.settings(point)
    except SuiteError:
        return False  # a unit has no value there
    return params not in known and allowed(params)


def _first_left(spaces: Spaces, known: Sequence[Mapping[str, Any]], allowed: Allowed) -> Point | None:
    """The first point of a small space that has not been tried."""
    values = []
    for space in spaces.spaces.values():
        values.append(space.choices or range(int(space.low or 0), int(space.high or 0) + 1))
    for combination in itertools.product(*values):
        point = dict(zip(spaces.spaces, combination, strict=True))
        if _is_new(spaces, point, known, allowed):
            return point
    return None


def _trials(spaces: Spaces, told: Sequence[Told], objectives: Sequence[Objective]) -> Iterator["FrozenTrial"]:
    """The candidates that are known, as trials of Optuna; with all values in range of the present spaces."""
    import optuna

    distributions = _distributions(spaces)
    columns = []
    for i, objective in enumerate(objectives):
        columns.append(_finite([one.scores[i].value for one in told], objective))
    for one, values in zip(told, zip(*columns, strict=True), strict=True):
        params = {name: _index(space, one.point[name]) for name, space in spaces.spaces.items()}
        excess = {}
        for i, objective in enumerate(objectives):
            if objective.most_misfit is not None:
                excess[f"misfit of {objective.name}"] = one.scores[i].excess
        yield optuna.trial.create_trial(
            params=params,
            distributions=distributions,
            values=list(values),
            constraints=excess or None,
        )


def _finite(values: Sequence[float | None], objective: Objective) -> list[float]:
    """The values to tell, those of lost candidates below all others."""
    known = [objective.sign * value for value in values if value is not None and math.isfinite(value)]
    worst, best = min(known, default=0.0), max(known, default=0.0)
    lost = worst - WORSE * ((best - worst) or 1.0)
    told = []
    for value in values:
        if value is None or math.isnan(value):
            told.append(objective.sign * lost)
        elif math.isinf(value):
            told.append(objective.sign * best if value * objective.sign > 0 else objective.sign * lost)
        else:
            told.append(value)
    return told


def _distributions(spaces: Spaces) -> dict[str, "BaseDistribution"]:
    """All spaces as Optuna knows them, by the names of their parameters."""
    return {name: _distribution(space) for name, space in spaces.spaces.items()}


def _distribution(space: Space) -> "BaseDistribution":
    """A space as Optuna knows it. Choices between numbers are ordered: their places are whole numbers.

    In a long range of whole numbers all numbers are drawn, and rounded: Optuna would list the whole ones.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if space.low is None or space.high is None:
        places = range(len(space.choices))
        if ordered(space) == list(space.choices):
            return IntDistribution(0, len(space.choices) - 1)
        return CategoricalDistribution(list(places))
    log = space.scale == "log"
    if space.integer and space.high - space.low < MOST_LISTED:
        return IntDistribution(int(space.low), int(space.high), log=log)
    return FloatDistribution(space.low, space.high, log=log)


def _value(space: Space, drawn: Any) -> Any:
    """The value of a parameter that Optuna drew."""
    if space.low is None or space.high is None:
        return space.choices[drawn]
    return min(max(round(drawn), int(space.low)), int(space.high)) if space.integer else drawn


def _index(space: Space, value: Any) -> Any:
    """The number by which Optuna knows a value."""
    if not space.choices:
        return value
    typed = [(isinstance(choice, bool), choice) for choice in space.choices]
    return typed.index((isinstance(value, bool), value))
