"""How the results of rows changed, image by image."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.report.columns import SET_METRICS, Column
from bench.report.compare.sides import Pair
from bench.report.rows import Row
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
        return {image: gap(self.a[image], self.b[image]) for image in self.a}

    @property
    def moved(self) -> list[tuple[str, float]]:
        """The images whose score changed by half a printed unit or more, the largest change first."""
        found = [(image, delta) for image, delta in self.deltas.items() if abs(delta) >= self.unit / 2]
        return sorted(found, key=lambda one: -abs(one[1]))

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
        return any(delta for change in self.changes.values() for delta in change.deltas.values())


def gap(a: float, b: float) -> float:
    """The difference b - a, 0 for equal infinite scores."""
    return 0.0 if a == b else b - a


def compare(pairs: Sequence[Pair], columns: Sequence[Column]) -> list[Compared]:
    """Compares pairs; all rows of a task and metric are one family."""
    found = []
    for slug in dict.fromkeys(one.slug for one in pairs):
        own = [one for one in pairs if one.slug == slug]
        changes = {one.name: dict[str, Change]() for one in own}
        for column in columns:
            if column.name not in SET_METRICS:
                for name, change in _of_metric(own, column).items():
                    changes[name][column.name] = change
        found += [_compared(one, changes[one.name]) for one in own]
    return found


def _of_metric(pairs: Sequence[Pair], column: Column) -> dict[str, Change]:
    """Row name -> change of one metric, for rows that have it on both sides."""
    scores: dict[str, tuple[dict[str, float], dict[str, float]]] = {}
    for one in pairs:
        if one.a and one.b:
            ours, theirs = one.a.scores(column.name), one.b.scores(column.name)
            strange = set(_other(one.a, one.b, "image_sha256"))
            both = [image for image in ours if image in theirs and image not in strange]
            if both:
                scores[one.name] = {i: ours[i] for i in both}, {i: theirs[i] for i in both}
    deltas = {}
    for name, (ours, theirs) in scores.items():
        deltas[name] = {image: gap(value, theirs[image]) for image, value in ours.items()}
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
        lost=tuple(image for image in one.b.images if image in ours and image not in theirs),
        gained=tuple(image for image in one.a.images if image in theirs and image not in ours),
        missing=tuple(image for image in ours if image not in one.b.images),
        other_y=_other(one.a, one.b, "y_hash"),
        other_x=_other(one.a, one.b, "image_sha256"),
    )


def _other(a: Row, b: Row, name: str) -> tuple[str, ...]:
    """The images of both rows about which a hash differs, where both know it."""
    found = []
    for image, group in a.attempted.items():
        ours = {getattr(record, name) for record in group} - {None}
        theirs = {getattr(record, name) for record in b.attempted.get(image, ())} - {None}
        if ours and theirs and ours != theirs:
            found.append(image)
    return tuple(found)


def means(change: Change) -> tuple[float, float]:
    """The means of both sides over the images of both."""
    n = len(change.a)
    return math.fsum(change.a.values()) / n, math.fsum(change.b.values()) / n
