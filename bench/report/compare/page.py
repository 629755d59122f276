"""The page of a comparison, as Markdown, and its numbers as CSV."""

import math
from collections.abc import Iterator, Sequence

from bench.names import counted
from bench.records.exchange.sheet import write_csv
from bench.report.columns import Column
from bench.report.compare.changes import Change, Compared, means
from bench.report.compare.settings import Difference, common, differences, without
from bench.report.compare.sides import Side
from bench.report.numbers import short
from bench.report.text import ARROWS, bullets, code, codes, escape, small, table_head, table_line

SIGNS = {"better": "▲", "worse": "▼", "higher": "↑", "lower": "↓", "equal": "=", "not shown": "~"}
"""Verdict -> what stands before its word."""
MOST_NAMED = 3
"""Images that are named of those that moved."""
LEGEND = (
    "<sub>In a cell: the mean of the first side → the mean of the second, over the images of both; below it "
    "the mean change with its 95 % interval, for all rows of a task and metric at once. ▲ better, ▼ worse: "
    "the interval excludes 0. ~ not shown: it does not, which is no proof of being equal. = equal: on every "
    "image. n: images of both. Moved: those that changed by half a printed unit or more.</sub>"
)


def page(
    a: Side,
    b: Side,
    compared: Sequence[Compared],
    columns: Sequence[Column],
    only_changed: bool,
    unlike: str = "",
) -> str:
    """The whole page.

    Args:
        a, b: the sides.
        compared: all pairs.
        columns: the metrics.
        only_changed: leaves out rows of which no image changed.
        unlike: a sentence about keys of which the sides have different results; "" without any.
    """
    shown = [one for one in compared if one.is_changed or not only_changed]
    parts = [f"# {code(a.title)} → {code(b.title)}", _count(compared, shown)]
    parts += [f"**{escape(unlike, 1000)}.**"] if unlike else []
    parts += [LEGEND]
    whole = [one for one in shown if one.pair.a and one.pair.b]
    found = {f"{one.pair.slug} {one.pair.name}": differences(one.pair) for one in whole}
    shared = common(found) if len(whole) > 1 else []
    if shared:
        parts += ["## What differs in all rows", bullets(_by_kind(shared))]
    for slug in dict.fromkeys(one.pair.slug for one in shown):
        own = [one for one in shown if one.pair.slug == slug]
        parts += [f"## {escape(own[0].pair.title)}", *_grid(own, columns)]
        notes = list(_absent(own, a, b))
        for one in own:
            about = found.get(f"{one.pair.slug} {one.pair.name}", [])
            notes += _notes(one, without(about, shared))
        parts += [bullets(notes)] if notes else []
    return "\n\n".join(parts) + "\n"


def _count(compared: Sequence[Compared], shown: Sequence[Compared]) -> str:
    """How many rows are compared, changed and shown."""
    changed = sum(one.is_changed for one in compared)
    text = f"{counted(len(compared), 'row')}, {changed} of them changed."
    hidden = len(compared) - len(shown)
    return f"{text} {counted(hidden, 'unchanged row')} left out." if hidden else text


def _grid(own: Sequence[Compared], columns: Sequence[Column]) -> list[str]:
    """The table of one task; nothing where no row is on both sides."""
    changed: set[str] = set()
    for one in own:
        changed.update(one.changes)
    known = [column for column in columns if column.name in changed]
    if not known:
        return []
    titles = [column.label + ARROWS[column.better] for column in known]
    lines = table_head(["Row", "n", *titles, f"moved by {known[0].label}"])
    for one in own:
        if one.changes:
            changes = [one.changes.get(column.name) for column in known]
            n = max(len(change.a) for change in changes if change)
            cells = [_cell(change, column, n) for change, column in zip(changes, known, strict=True)]
            lines.append(table_line([escape(one.pair.name), n, *cells, _moved(changes[0], known[0])]))
    return ["\n".join(lines)]


def _cell(change: Change | None, column: Column, n: int) -> str:
    """One metric of a row; it says of how many images, where these are fewer than the row's n."""
    if change is None:
        return "–"
    ours, theirs = means(change)
    delta, low, high, _ = change.delta
    text = f"{column.show(ours)} → {column.show(theirs)}"
    bounds = f" \\[{column.show(low, '+')}, {column.show(high, '+')}\\]" if math.isfinite(low) else ""
    verdict = f"{SIGNS[change.verdict]} {change.verdict}"
    fewer = f", {counted(len(change.a), 'image')}" if len(change.a) < n else ""
    return text + small(f"{column.show(delta, '+')}{bounds} {verdict}{fewer}")


def _moved(change: Change | None, column: Column) -> str:
    """How many images moved, and which the most."""
    if change is None:
        return "–"
    moved = change.moved
    named = [f"{escape(image)} {column.show(delta, '+')}" for image, delta in moved[:MOST_NAMED]]
    return f"{len(moved)} of {len(change.a)}" + small(", ".join(named))


def _by_kind(found: Sequence[Difference]) -> list[str]:
    """What differs, a text for each kind."""
    texts: dict[str, list[str]] = {}
    for one in found:
        texts.setdefault(one.kind, []).append(f"{code(one.name)} {escape(one.a)} → {escape(one.b)}")
    return list(map(": ".join, zip(texts, map(", ".join, texts.values()), strict=True)))


def _absent(own: Sequence[Compared], a: Side, b: Side) -> Iterator[str]:
    """Yields which rows of a task a side lacks."""
    for side, lacking in (
        (b, [one.pair.name for one in own if one.pair.b is None]),
        (a, [one.pair.name for one in own if one.pair.a is None]),
    ):
        if lacking:
            yield f"{codes(lacking)} {'is' if len(lacking) == 1 else 'are'} not in {code(side.name)}."


def _notes(one: Compared, found: Sequence[Difference]) -> Iterator[str]:
    """Yields what stands below the table about one pair."""
    name = code(one.pair.name)
    if found:
        yield f"{name}: {'; '.join(_by_kind(found))}."
    for images, what in (
        (one.lost, "solved before and not now"),
        (one.gained, "solved now and not before"),
        (one.missing, "of the first side that the second was not asked for"),
        (one.other_y, "with other measurements, so that the noise differs, too"),
        (one.other_x, "of one name with other pixels, not compared"),
    ):
        if images:
            more = ", ..." if len(images) > MOST_NAMED else ""
            yield f"{name}: {counted(len(images), 'image')} {what} ({codes(images[:MOST_NAMED])}{more})."


def rows_csv(a: Side, b: Side, compared: Sequence[Compared]) -> bytes:
    """One line for each row and metric; unscaled, with six significant digits."""
    lines = []
    for one in compared:
        about: dict[str, object] = {"a": a.name, "b": b.name}
        about |= {"task": one.pair.slug, "row": one.pair.name}
        about |= {"lost": len(one.lost), "gained": len(one.gained), "other_measurements": len(one.other_y)}
        for metric, change in one.changes.items():
            ours, theirs = means(change)
            delta, low, high, _ = change.delta
            texts = dict(zip(NUMBERS, map(short, (ours, theirs, delta, low, high)), strict=True))
            counts = {"n": len(change.a), "moved": len(change.moved), "verdict": change.verdict}
            lines.append({**about, "metric": metric, **texts, **counts})
    return write_csv(ROWS, lines)


NUMBERS = ("mean_a", "mean_b", "delta", "delta_low", "delta_high")
ROWS = (
    *("a", "b", "task", "row", "metric", *NUMBERS),
    *("n", "moved", "verdict", "lost", "gained", "other_measurements"),
)
"""The columns of compare.csv."""
IMAGES = ("task", "row", "metric", "image", "a", "b", "delta")
"""The columns of images.csv."""


def images_csv(compared: Sequence[Compared]) -> bytes:
    """One line for each row, metric and image, with all digits."""
    lines = []
    for one in compared:
        for metric, change in one.changes.items():
            for image, delta in change.deltas.items():
                about = {"task": one.pair.slug, "row": one.pair.name, "metric": metric, "image": image}
                values = {"a": change.a[image], "b": change.b[image], "delta": delta}
                lines.append(about | values)
    return write_csv(IMAGES, lines)
