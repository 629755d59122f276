"""The columns of the tables: which metrics there are and how each is printed, as the manifests say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.records.manifest import MetricEntry, RunManifest
from bench.report.tables import Table, records_of
from bench.stats.metric import Metric

SET_METRICS = ("fid", "kid")
"""Metrics of a whole set of images, which no single image has."""


@dataclass(frozen=True, kw_only=True)
class Column(Metric):
    """A metric with the name under which records hold it."""

    name: str


KNOWN = (
    Column("PSNR", 2, True, name="psnr"),
    Column("SSIM", 3, True, name="ssim"),
    Column("LPIPS", 3, False, name="lpips"),
    Column("LPIPS-VGG", 3, False, name="lpips_vgg"),
    Column("FID", 2, False, name="fid"),
    Column("KID x 1000", 2, False, scale=1000.0, name="kid"),
    Column("top-1 %", 1, True, scale=100.0, name="top1"),
    Column("misfit", 2, None, name="misfit"),
    Column("residual", 4, None, name="residual"),
    Column("PSNR (8 bit)", 2, True, name="psnr_quantised"),
    Column("SSIM (full map)", 3, True, name="ssim_full"),
    Column("SSIM (8 bit)", 3, True, name="ssim_quantised"),
    Column("LPIPS (8 bit)", 3, False, name="lpips_quantised"),
)
"""The columns of records without a manifest. The harness' list needs torch; a test keeps the two equal."""

UNITS = {column.name: 10.0**-column.decimals / column.scale for column in KNOWN}
"""Metric -> one unit of the last digit that is printed, where no manifest says."""
CONVENTIONS = {
    "psnr": "of floats: in files of 8 bit it is 0.01 dB lower at 30 dB, 0.12 dB at 40",
    "ssim": "mean over the positions where the window fits, 22 x 22 of 32 x 32 px; not over the full map",
    "misfit": "the formula is for Gaussian noise, for other noise it is ||y - E y|| / sqrt(E ||y - E y||^2)",
}
"""Metric -> what tables add to its note; manifests of any version lack it."""


def columns_of(tables: Sequence[Table], runs: Sequence[RunManifest]) -> list[Column]:
    """The columns that the manifests state or the records hold, and always those of the `SET_METRICS`.

    The manifests' order comes first, then that of `KNOWN`, then the alphabet. Columns without a direction,
    such as the misfit, are moved to the end, and the set metrics to the end of those that have one.
    """
    known = {column.name: column for column in KNOWN}
    stated: dict[str, MetricEntry] = {}
    for run in runs:
        stated |= run.metrics
    recorded: set[str] = set()
    for record in records_of(tables):
        recorded.update(record.metrics, record.unavailable)
    wanted = recorded.union(stated, SET_METRICS)
    columns = []
    for name in dict.fromkeys((*stated, *known, *sorted(recorded))):
        if name in wanted:
            default = known.get(name, Column(name, 3, None, name=name))
            columns.append(_stated(stated.get(name), default))
    return sorted(columns, key=lambda column: (column.better == 0, column.name in SET_METRICS))


def _stated(about: MetricEntry | None, default: Column) -> Column:
    """The column as a manifest states it; what it leaves out is the default's."""
    if about is None:
        return replace(default, note=_noted(default.name, default.note))
    direction = about.higher_is_better
    decimals = re.fullmatch(r"\.(\d+)f", str(about.format))
    return replace(
        default,
        label=about.label or default.label,
        decimals=int(decimals[1]) if decimals else default.decimals,
        higher_is_better=default.higher_is_better if direction is None else direction,
        note=_noted(default.name, about.note or default.note),
        scale=float(about.scale or default.scale),
    )


def _noted(name: str, note: str) -> str:
    """A note with the `CONVENTIONS` of the metric."""
    return "; ".join(filter(None, (note.rstrip("."), CONVENTIONS.get(name, ""))))
