"""Whether a change stays within bounds, for scripts that go by the exit code."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.names import counted, nearest
from bench.report.columns import SET_METRICS, Column
from bench.report.compare.changes import Compared
from bench.system.gate import real


class Gate(NamedTuple):
    """A bound on the mean change of a metric: below 0 the least that passes, above 0 the most."""

    metric: str
    bound: float


def read_gate(text: str) -> Gate:
    """Reads ``psnr:-0.05`` (PSNR may fall by .05) or ``lpips:0.002`` (LPIPS may rise by .002).

    Raises:
        ValueError: the text has another form.
    """
    metric, colon, bound = text.partition(":")
    if not (metric and colon):
        raise ValueError(f"--gate {text}: expected METRIC:CHANGE, as in psnr:-0.05")
    try:
        return Gate(metric, real(bound))
    except ValueError as error:
        raise ValueError(f"--gate {text}: {error}") from None


def failures(gate: Gate, compared: Sequence[Compared], columns: Sequence[Column]) -> Iterator[str]:
    """Yields why a gate does not hold, row by row; nothing where it holds.

    A row passes by its mean change over the images of both sides, in the unit of the table. What cannot be
    compared does not pass: a row that is gone, images that are no longer solved, a metric that is absent.

    Raises:
        ValueError: no such metric, one of whole sets of images, or a bound of the wrong sign.
    """
    column = _column(gate, columns)
    sign = column.better or (1 if gate.bound < 0 else -1)
    if not compared:
        yield "nothing to compare"
    for one in compared:
        place = f"{one.pair.title}: {one.pair.name}"
        if one.pair.b is None:
            yield f"{place}: the row is gone"
        elif one.pair.a is not None:
            for reason in _reasons(gate, one, column, sign):
                yield f"{place}: {reason}"


def _column(gate: Gate, columns: Sequence[Column]) -> Column:
    by_name = {column.name: column for column in columns}
    if gate.metric in SET_METRICS:
        raise ValueError(
            f"--gate {gate.metric}: of a whole set of images, and no image has one; take another metric"
        )
    if gate.metric not in by_name:
        raise ValueError(f"--gate {gate.metric}: no such metric{nearest(gate.metric, by_name)}")
    column = by_name[gate.metric]
    if gate.bound * column.better > 0:
        word = "fall" if column.better > 0 else "rise"
        raise ValueError(f"--gate {gate.metric}: {column.label} may {word}: give the bound the other sign")
    if not gate.bound and not column.better:
        raise ValueError(f"--gate {gate.metric}: {column.label} has no direction; give a bound other than 0")
    return column


def _reasons(gate: Gate, one: Compared, column: Column, sign: int) -> Iterator[str]:
    if one.lost:
        yield f"no longer solved: {counted(len(one.lost), 'image')}"
    change = one.changes.get(gate.metric)
    if change is None:
        yield f"no {column.label} on both sides"
    elif not sign * (change.delta.mean * column.scale - gate.bound) >= 0:
        yield f"{column.label} changed by {column.show(change.delta.mean, '+')}, beyond {gate.bound:+g}"
