"""How far scores vary between images, and between samples of one image: the solver's own randomness."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.names import counted
from bench.report.columns import Column
from bench.report.rows import Row
from bench.report.tables import Table
from bench.report.text import code, codes

FEW_IMAGES = 2
"""Least number of images with several samples that give components."""


@dataclass(frozen=True)
class Components:
    """The two components of the variance of a score, as standard deviations.

    Attributes:
        k: most samples of an image.
        between: of the images' means, without what their samples add to it.
        within: of the samples of one image; 0 for a deterministic method.
        images: those with several samples; others do not enter.
    """

    k: int
    between: float
    within: float
    images: int

    @property
    def share(self) -> float:
        """The share of the solver's own randomness in the variance of one sample's score."""
        whole = self.between**2 + self.within**2
        return self.within**2 / whole if whole else 0.0


def components(row: Row, metric: str) -> Components | None:
    """The components of a row, by the analysis of variance with random effects; None without several samples.

    Args:
        metric: one that is finite on all samples; images on which it is not are left out.
    """
    groups = []
    for records in row.solved.values():
        values = [record.metrics.get(metric) for record in records]
        known = np.array([value for value in values if value is not None and np.isfinite(value)])
        if len(known) == len(values) > 1:
            groups.append(known)
    if len(groups) < FEW_IMAGES:
        return None
    variances = np.array([group.var(ddof=1) for group in groups])
    added = np.mean([variance / len(group) for variance, group in zip(variances, groups, strict=True)])
    between = np.var([group.mean() for group in groups], ddof=1) - added
    parts = float(max(between, 0) ** 0.5), float(variances.mean() ** 0.5)
    return Components(max(map(len, groups)), *parts, len(groups))


def remarks(table: Table, column: Column) -> list[str]:
    """What is known of the randomness of the rows of methods, as Markdown without bullets."""
    texts, single = [], []
    for row in table.rows:
        if row.head.baseline or not row.ok:
            continue
        found = components(row, column.name)
        if found:
            some = f", on {found.images} of {counted(len(row.images), 'image')}"
            few = some if found.images < len(row.images) else ""
            texts.append(f"{code(row.name)} {_printed(found, column)}{few}")
        elif row.samples == 1:
            single.append(row.name)
    lines = []
    if texts:
        lines.append(
            f"{column.label} varies between images, and within an image from sample to sample (standard "
            f"deviations): {'; '.join(texts)}."
        )
    return [*lines, *_unknown(single, table.rows)]


def _printed(found: Components, column: Column) -> str:
    """The components, or that there is only one."""
    if found.within == 0:
        return f"{column.show(found.between)}, deterministic (its {found.k} samples are equal)"
    own = f"{column.show(found.within)} ({100 * found.share:.0f} % of the variance)"
    return f"{column.show(found.between)} and {own}, {counted(found.k, 'sample')}"


def _unknown(single: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Rows with one sample of an image, whose own randomness cannot be told from the images'."""
    if not single:
        return []
    methods = [row for row in rows if not row.head.baseline and row.ok]
    who = "" if len(single) == len(methods) else f" ({codes(single)})"
    return [
        f"One sample of each image{who}: the randomness of a method cannot be told from how images differ. "
        "It is in every difference, and another seed gives others."
    ]
