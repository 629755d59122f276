"""The cells of the tables: numbers, costs and names of rows."""

import math

from bench.names import counted
from bench.report.columns import Column
from bench.report.ranking import Yardstick
from bench.report.scores import Score
from bench.report.tables import Row, Table
from bench.report.text import count, escape, seconds, small
from bench.stats.intervals import mean_interval

MARKS = {"tie": "⁼", "equivalent": "≈", "worse": "ʷ", "beats": "°"}
"""Mark -> what stands behind the number."""


def label(row: Row) -> str:
    """The name of a row; that of a baseline in italics."""
    return f"*{escape(row.name)}*" if row.head.baseline else escape(row.name)


def number(column: Column, score: Score | None, baseline: bool, with_interval: bool = True) -> str:
    """A number with its marks, and below it its interval where there is one."""
    if score is None or score.interval is None:
        return "–"
    text = column.show(score.interval.mean)
    if score.partial:
        text = f"({text})"
    elif baseline:
        text = f"*{text}*"
    elif score.mark in {"best", "tie", "equivalent"}:
        text = f"**{text}**"
    text += MARKS.get(score.mark, "")
    low, high = score.interval.low, score.interval.high
    if with_interval and math.isfinite(low):
        text += small(f"\\[{column.show(low)}, {column.show(high)}\\]")
    return text


def yardstick_label(yardstick: Yardstick, n: int) -> str:
    """What the line above rows about n images shows."""
    return f"<sub>{escape(yardstick.row.name)} on the same {counted(n, 'image')}</sub>"


def yardstick_number(column: Column, yardstick: Yardstick | None, n: int) -> str:
    """The yardstick's number over n images, in small print, since it is not another result."""
    score = yardstick.over.get(n, {}).get(column.name) if yardstick else None
    return f"<sub>{column.show(score.interval.mean)}</sub>" if score and score.interval else ""


def cost(row: Row) -> str:
    """Network evaluations per image, and below them backward passes where there are any."""
    nfe, vjps = row.mean("nfe"), row.mean("vjps")
    if nfe is None:
        return "–"
    return count(nfe) + (small(f"+ {count(vjps)} vjps") if vjps else "")


def time(row: Row, table: Table) -> str:
    """Seconds per image, marked where they do not compare; below them their interval where it is known."""
    if not row.seconds:
        return "–"
    mean, low, high, _ = mean_interval(row.seconds)
    text = seconds(mean)
    digits = len(text.partition(".")[2])
    lowest, highest = f"{low:.{digits}f}", f"{high:.{digits}f}"
    known = math.isfinite(low) and text[0] != "<" and not text == lowest == highest
    mark = "‡" if row.timing != table.timing else ""
    return text + mark + (small(f"\\[{lowest}, {highest}\\]") if known else "")
