"""Averages that describe nobody: how often a row succeeds, where per-image scores fall into two groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.report.rows import Row
from bench.report.tables import Table
from bench.report.text import escape, small, table_head, table_line
from bench.stats.intervals import quartiles
from bench.stats.metric import printed

METRIC = "psnr"
THRESHOLD = 20.0
"""PSNR in dB from which a reconstruction is called a success."""
LEVEL = 0.05
"""Level of the dip test over all rows of a table."""
ALWAYS = "phase_retrieval"
"""Beginning of the operators whose scores are known to fall into two groups."""
NOTE = (
    f"Success: a reconstruction of at least {THRESHOLD:g} dB; its 95 % interval is Wilson's over images. It "
    "is shown for phase retrieval, and where the scores of some row fall into two groups by the dip test "
    f"(Hartigan and Hartigan 1985; {100 * LEVEL:g} % over the rows of a table). Their mean then describes "
    "no image."
)


@dataclass(frozen=True)
class Success:
    """How often a row succeeds.

    Attributes:
        share: of the reconstructions; ``low`` and ``high`` are its bounds.
        quartiles: lower quartile, median and upper quartile of the scores of images, in dB.
        is_split: whether the row's scores fall into two groups.
    """

    share: float
    low: float
    high: float
    quartiles: tuple[float, float, float]
    is_split: bool


def successes(table: Table) -> dict[str, Success]:
    """Row name -> its successes; {} for a table whose means are fair.

    Several samples of an image count in parts, over as many images as there are: samples of one image are not
    independent.
    """
    rows = [row for row in table.rows if row.scores(METRIC)]
    split = {row.name for row in rows if is_split(list(row.scores(METRIC).values()), len(rows))}
    if not split and not table.head.operator.startswith(ALWAYS):
        return {}
    return {row.name: _success(row, row.name in split) for row in rows}


def is_split(scores: Sequence[float], n_rows: int = 1) -> bool:
    """Whether scores fall into two groups: the dip test rejects one, at `LEVEL` over so many rows."""
    from diptest import diptest  # here, since few tables need it

    finite = np.array([score for score in scores if np.isfinite(score)])
    return len(finite) > 3 and bool(diptest(finite)[1] < LEVEL / n_rows)


def _success(row: Row, split: bool) -> Success:
    from scipy.stats import binomtest  # here, since it takes half a second

    shares, means = [], list(row.scores(METRIC).values())
    for image in row.scores(METRIC):
        values = [record.metrics[METRIC] for record in row.solved[image]]
        shares.append(np.mean([value is not None and value >= THRESHOLD for value in values]))
    share = float(np.mean(shares))
    interval = binomtest(round(share * len(shares)), len(shares)).proportion_ci(method="wilson")
    lower, median, upper = map(float, quartiles(means))
    return Success(share, float(interval.low), float(interval.high), (lower, median, upper), split)


def section(table: Table) -> list[str]:
    """The Markdown of one task; nothing where means are fair."""
    found = successes(table)
    if not found:
        return []
    titles = "lower quartile", "median", "upper quartile"
    lines = table_head(["Solver", f"success at {THRESHOLD:g} dB", *titles])
    for name, one in found.items():
        bounds = small(f"\\[{100 * one.low:.0f}, {100 * one.high:.0f}\\]")
        rate = f"{100 * one.share:.0f} %{bounds}"
        cells = [escape(name) + small("two groups" * one.is_split), rate]
        lines.append(table_line([*cells, *(printed(value, ".2f") for value in one.quartiles)]))
    return [f"### {escape(table.title)}: how often it succeeds", "\n".join(lines)]
