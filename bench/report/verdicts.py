"""What the scores of a table's rows show: a verdict of every row, places, and one sentence.

All of it comes from one family, the pairs of all rows, so that marks, places and sentence cannot contradict
each other. No verdict is absence of evidence: a row that cannot be separated says so, and the difference that
would be seen stands beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from types import MappingProxyType

import numpy as np

from bench.report.columns import Column
from bench.stats.family import Family, compare_all
from bench.stats.intervals import FEWEST, Interval

MARGINS = MappingProxyType(
    {
        **dict.fromkeys(("psnr", "psnr_quantised"), 0.1),
        **dict.fromkeys(("ssim", "ssim_full", "ssim_quantised", "lpips", "lpips_quantised"), 0.005),
    }
)
"""Metric -> difference below which two rows are equivalent, where a suite sets no other; none for others."""
UNITS = MappingProxyType({"psnr": " dB", "psnr_quantised": " dB"})
"""Metric -> what stands behind a difference; a plain number for others."""
EQUAL = "≈"
"""Behind a row of a sentence: it is equivalent, as the sentence says of the mark."""
Part = str | dict[str, str]
"""A text, or a row as ``{"row": name}``."""
Sentence = list[Part]


@dataclass(frozen=True)
class Verdict:
    """What is shown of one row.

    Attributes:
        mark: ``best`` (the best mean), ``tie`` (no row is shown to be better), ``worse`` (one is at least),
            ``equivalent`` (within the margin of the best mean, whatever else holds), or empty for the only
            row.
        places: the best and the worst place that the data leave to the row, 1 being first.
        difference: to the row with the best mean, positive where this row is better, with its simultaneous
            interval; None for that row itself, and where the two share too few images.
        behind: the rows that are shown to be better.
    """

    mark: str
    places: tuple[int, int]
    difference: Interval | None
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdicts:
    """What is shown of the rows of a table by one metric.

    Attributes:
        rows: row -> verdict, the best mean first; without rows that share too few images with all others.
        family: all pairs of these rows; None where there is no pair.
        margin: within which rows are equivalent; None without one.
        sentence: the same in words.
    """

    rows: dict[str, Verdict]
    family: Family | None
    margin: float | None
    sentence: Sentence

    @property
    def leader(self) -> str | None:
        """The row with the best mean, or the only one; None where nothing can be compared."""
        return next(iter(self.rows), None)

    @property
    def is_about_rows(self) -> bool:
        """Whether the sentence says something of rows, and not only that there are none or too few images."""
        return self.family is not None or any(not isinstance(part, str) for part in self.sentence)

    @property
    def seen(self) -> float:
        """The difference that four of five such tables would show; NaN where nothing is compared."""
        return self.family.seen if self.family else float("nan")


def decide(
    rows: Mapping[str, Mapping[str, float]], column: Column, margins: Mapping[str, float] = MARGINS
) -> Verdicts:
    """The verdicts of ranked rows.

    Args:
        rows: row -> image -> score.
        column: the metric; it has a direction.
        margins: metric -> margin.
    """
    family = compare_all(_best_first(rows, column.better), column.better)
    compared = _compared(family)
    if not compared:
        alone = dict.fromkeys(rows, Verdict("", (1, 1), None)) if len(rows) == 1 else {}
        return Verdicts(alone, None, None, _nothing(rows))
    if len(compared) < len(rows):
        family = compare_all({name: rows[name] for name in compared}, column.better)
    margin = margins.get(column.name)
    leader = _leader(family)
    names = sorted(family.names, key=lambda name: name != leader)  # a stable sort: the leader first
    verdicts = {name: _verdict(family, name, leader, margin) for name in names}
    return Verdicts(verdicts, family, margin, _sentence(family, verdicts, column, margin))


def _best_first(rows: Mapping[str, Mapping[str, float]], better: int) -> dict[str, Mapping[str, float]]:
    """The rows in the order of their means."""

    def mean(name: str) -> float:
        with np.errstate(invalid="ignore"):
            return better * float(np.mean(list(rows[name].values())))

    return {name: rows[name] for name in sorted(filter(rows.get, rows), key=mean, reverse=True)}


def _compared(family: Family) -> list[str]:
    """The rows that share enough images with another one."""
    pairs = np.isfinite(family.means) & ~np.eye(len(family.names), dtype=bool)
    return list(compress(family.names, pairs.any(axis=1)))


def _leader(family: Family) -> str:
    """The row that is ahead of every other one, in the mean over the images that the two share.

    Where rows have other images none may be; then it is the one with the smallest worst deficit (minimax).
    """
    known = np.where(np.isfinite(family.means), family.means, np.inf)
    known = np.where(family.infinite != 0, np.copysign(np.inf, family.infinite), known)
    np.fill_diagonal(known, np.inf)
    return family.names[int(np.argmax(np.minimum(known.min(axis=1), 0)))]


def _verdict(family: Family, name: str, leader: str, margin: float | None) -> Verdict:
    i, places = family.names.index(name), family.place(name)
    behind = tuple(compress(family.names, family.beaten[:, i]))
    mark = "worse" if behind else "tie"
    if name == leader:
        return Verdict("best", places, None, behind)
    if margin is not None and family.within(name, leader, margin):
        mark = "equivalent"
    return Verdict(mark, places, family.difference(name, leader), behind)


def size(column: Column, value: float) -> str:
    """A difference as it is printed, with its unit: "0.21 dB", or "0.004 in LPIPS"."""
    return f"{column.show(value)}{UNITS.get(column.name, f' in {column.label}')}"


def _nothing(rows: Mapping[str, Mapping[str, float]]) -> Sentence:
    """Why nothing is compared."""
    if not rows:
        return ["Nothing is ranked: no row of a method finished its images."]
    if len(rows) == 1:
        [(name, scores)] = rows.items()
        if len(scores) < FEWEST:
            return [f"Nothing is ranked: it takes at least {FEWEST} images."]
        return ["Only ", {"row": name}, " can be ranked: there is nothing to compare it with."]
    return [f"Nothing is ranked: it takes at least {FEWEST} images that two rows share."]


def _sentence(
    family: Family, verdicts: Mapping[str, Verdict], column: Column, margin: float | None
) -> Sentence:
    """Which rows are better, which cannot be separated, which are equivalent, and what would be seen.

    A row that is worse than one row need not be worse than the best one: all pairs are compared.
    """
    names = list(verdicts)
    first = [name for name in names if not verdicts[name].behind]
    parts = _alone(first[0], verdicts, family) if len(first) == 1 else _together(first, len(names), family)
    equal = [name for name in names if verdicts[name].mark == "equivalent"]
    if equal and margin is not None:
        parts = _with_equal(parts, equal, f"within {size(column, margin)} of the best mean")
    if not np.isfinite(family.seen):
        return [*parts, "."]
    return [*parts, f"; a difference of {size(column, family.seen)} would be seen."]


def _with_equal(parts: Sequence[Part], equal: Sequence[str], meaning: str) -> Sentence:
    """Says which rows are equivalent; one that is named already has a mark, so that none is named twice."""
    marked, left = mark_equal(parts, equal)
    if len(left) == len(equal):
        return [*marked, "; ", *listed(left), f" {is_or_are(left)} {meaning}"]
    if not left:
        return [*marked, f"; {EQUAL}: {meaning}"]
    return [*marked, f"; {meaning} ({EQUAL}): ", *listed(left)]


def mark_equal(parts: Sequence[Part], equal: Sequence[str]) -> tuple[Sentence, list[str]]:
    """A sentence with `EQUAL` behind some rows, and those of them that it does not name."""
    marked: Sentence = []
    left = list(equal)
    for part in parts:
        marked.append(part)
        if not isinstance(part, str) and part["row"] in left:
            marked.append(EQUAL)
            left.remove(part["row"])
    return marked, left


def _alone(best: str, verdicts: Mapping[str, Verdict], family: Family) -> Sentence:
    """One row is behind none; then those that are behind it alone."""
    others = [name for name in verdicts if name != best]
    beaten = [name for name in others if best in verdicts[name].behind]
    if len(beaten) < len(others):
        share = f"{_word(len(beaten))} of the {_word(len(others))} others"
        return [{"row": best}, f" is better than {share}, and none is better than it"]
    if len(others) == 1:
        return [{"row": best}, " is better than ", {"row": others[0]}]
    parts: Sentence = [{"row": best}, " is better than all others"]
    second = [name for name in others if verdicts[name].behind == (best,)]
    if len(second) > 1:
        parts += ["; ", *_together(second, len(others), family)]
    return parts


def _together(names: Sequence[str], n_rows: int, family: Family) -> Sentence:
    """Rows of which none is shown to be better than another, and how many of the rows are behind some."""
    least, most = _shared(family)
    images = f"n = {least}" if least == most else f"n = {least} to {most}"
    parts: Sentence = [*listed(names), f" cannot be separated at {images}"]
    rest = n_rows - len(names)
    if not names:
        return [f"Each row is worse than another one at {images}, over the images that the two share"]
    if rest:
        parts += [
            f"; the other {'one is' if rest == 1 else f'{_word(rest)} are each'} worse than at least one row"
        ]
    return parts


def _shared(family: Family) -> tuple[int, int]:
    """The smallest and the largest number of images of a pair that is compared."""
    upper = np.triu_indices(len(family.names), 1)
    shared = family.shared[upper][np.isfinite(family.means[upper])]
    return int(shared.min()), int(shared.max())


def listed(names: Sequence[str]) -> Sentence:
    """Rows with commas, and an "and" before the last."""
    parts: Sentence = []
    for i, name in enumerate(names):
        if i:
            parts.append(" and " if i == len(names) - 1 else ", ")
        parts.append({"row": name})
    return parts


def is_or_are(names: Sequence[str]) -> str:
    """The verb behind some rows."""
    return "is" if len(names) == 1 else "are"


def _word(n: int) -> str:
    """A small number as a word."""
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[n] if n < len(words) else str(n)
