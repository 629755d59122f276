"""How the results of rows changed, image by image."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from bench.report.columns import SET_METRICS, Column
from bench.report.compare.sides import Pair
from bench.report.rows import Row
from bench.report.tables import natural
from bench.stats.family import compare_pairs
from bench.stats.intervals import Interval


@dataclass(frozen=True)
class Change:
    """How one metric of a row changed, from side A to side B.

    Attributes:
        a, b: image -> score, over the images of both.
        delta: the mean of b - a, with the simultaneous interval of all rows of the task.
        direction: 1 where higher is better, -1 where lower is, 0 without one.
        unit: one unit of the last digit that is printed.
    """

    a: Mapping[str, float]
    b: Mapping[str, float]
    delta: Interval
    direction: int
    unit: float

    @property
    def deltas(self) -> dict[str, float]:
        """Image -> b - a; 0 for two infinite scores."""
        return gaps(self.a, self.b)

    @property
    def moved(self) -> list[tuple[str, float]]:
        """The images whose score changed by half a printed unit or more, the largest change first."""
        ordered = sorted(self.deltas.items(), key=lambda one: -abs(one[1]))
        return [one for one in ordered if abs(one[1]) >= self.unit / 2]

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` where the interval excludes 0, ``not shown`` or ``equal`` elsewhere.

        It is ``higher`` or ``lower`` for a metric without a direction.
        """
        if self.delta.low > 0:
            return {1: "better", -1: "worse", 0: "higher"}[self.direction]
        if self.delta.high < 0:
            return {1: "worse", -1: "better", 0: "lower"}[self.direction]
        return "equal" if not any(self.deltas.values()) else "not shown"


@dataclass(frozen=True)
class Compared:
    """A pair of rows, compared.

    Attributes:
        pair: the rows.
        changes: metric -> change, of metrics that both have on some image.
        lost: images that A solved and B, which was asked for them, did not; ``gained``: the other way round.
        missing: images of A that B was not asked for.
        other_y: images on which the two saw other measurements.
        other_x: images of one name with other pixels, which are not compared.
    """

    pair: Pair
    changes: Mapping[str, Change]
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    other_y: tuple[str, ...] = ()
    other_x: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether any image has another score or another status, or a row is absent."""
        if (
            self.pair.a is None
            or self.pair.b is None
            or self.lost
            or self.gained
            or self.missing
            or self.other_x
        ):
            return True
        return any(any(change.deltas.values()) for change in self.changes.values())


def gaps(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    """Image -> b - a, of the images of a; 0 for equal infinite scores."""
    found = {}
    for image, value in a.items():
        found[image] = 0.0 if value == b[image] else b[image] - value
    return found


def compare(pairs: Sequence[Pair], columns: Sequence[Column]) -> list[Compared]:
    """Compares pairs; all rows of a task and metric are one family."""
    found = []
    tasks: dict[str, list[Pair]] = {}
    for one in pairs:
        tasks.setdefault(one.slug, []).append(one)
    for own in tasks.values():
        changes: dict[str, dict[str, Change]] = {}
        for column in columns:
            if column.name not in SET_METRICS:
                for name, change in _of_metric(own, column).items():
                    changes.setdefault(name, {})[column.name] = change
        for one in own:
            found.append(_compared(one, changes.get(one.name, {})))
    return found


def _of_metric(pairs: Sequence[Pair], column: Column) -> dict[str, Change]:
    """Row name -> change of one metric, for rows that have it on both sides."""
    scores: dict[str, tuple[dict[str, float], dict[str, float]]] = {}
    for one in pairs:
        if one.a and one.b:
            ours, theirs = dict(one.a.scores(column.name)), dict(one.b.scores(column.name))
            strange = set(_other(one.a, one.b, "image_sha256"))
            for image in (set(ours) ^ set(theirs)) | strange:
                ours.pop(image, None)
                theirs.pop(image, None)
            if ours:
                scores[one.name] = ours, theirs
    deltas = {name: gaps(ours, theirs) for name, (ours, theirs) in scores.items()}
    unit = 10.0**-column.decimals / column.scale
    found = {}
    for name, delta in compare_pairs(deltas).items():
        found[name] = Change(*scores[name], delta, column.better, unit)
    return found


def _compared(one: Pair, changes: Mapping[str, Change]) -> Compared:
    if one.a is None or one.b is None:
        return Compared(one, changes)
    ours, theirs = one.a.solved, one.b.solved
    return Compared(
        one,
        changes,
        lost=tuple(sorted((set(ours) & set(one.b.images)) - set(theirs), key=natural)),
        gained=tuple(sorted((set(theirs) & set(one.a.images)) - set(ours), key=natural)),
        missing=tuple(sorted(set(ours) - set(one.b.images), key=natural)),
        other_y=_other(one.a, one.b, "y_hash"),
        other_x=_other(one.a, one.b, "image_sha256"),
    )


def _other(a: Row, b: Row, name: str) -> tuple[str, ...]:
    """The images of both rows about which a hash differs, where both know it."""
    found = []
    for image, group in a.attempted.items():
        ours = set(map(attrgetter(name), group)) - {None}
        theirs = set(map(attrgetter(name), b.attempted.get(image, ()))) - {None}
        if ours and theirs and ours != theirs:
            found.append(image)
    return tuple(found)


def means(change: Change) -> tuple[float, float]:
    """The means of both sides over the images of both."""
    n = len(change.a)
    return math.fsum(change.a.values()) / n, math.fsum(change.b.values()) / n
