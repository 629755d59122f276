"""The columns of the tables: which metrics there are and how they are printed, from the manifests."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.report.planned import Run
from bench.report.tables import Table

SET_METRICS = ("fid", "kid")


@dataclass(frozen=True)
class Metric:
    """A column: ``better`` is 1 where higher is better, -1 where lower is, 0 where neither is; ``scale`` is
    for print only.
    """

    name: str
    label: str
    format: str = ".3f"
    better: int = 0
    note: str = ""
    scale: float = 1.0

    def show(self, value: float, sign: str = "") -> str:
        """The number as it is printed; with sign "+" always signed."""
        return f"{value * self.scale:{sign}{self.format}}".replace("-", "−")


KNOWN = (
    Metric("psnr", "PSNR", ".2f", 1),
    Metric("ssim", "SSIM", ".3f", 1),
    Metric("lpips", "LPIPS", ".3f", -1),
    Metric("lpips_vgg", "LPIPS-VGG", ".3f", -1),
    Metric("fid", "FID", ".2f", -1),
    Metric("kid", "KID x 1000", ".2f", -1, scale=1000.0),
    Metric("top1", "top-1 %", ".1f", 1, scale=100.0),
    Metric("misfit", "misfit", ".2f"),
    Metric("residual", "residual", ".4f"),
)
"""For records without a manifest only. The harness' own list needs torch; a test keeps the two equal."""


def metrics_of(tables: Sequence[Table], runs: Sequence[Run]) -> list[Metric]:
    """The metrics in the manifest's order, then known ones, then any other that a record has; set metrics
    before the misfit.
    """
    known = {metric.name: metric for metric in KNOWN}
    named = {name: about for run in runs for name, about in run.get("metrics", {}).items()}
    present = dict.fromkeys(
        name
        for table in tables
        for row in table.rows
        for r in row.records
        for name in (*r.metrics, *r.unavailable)
    )
    found = [
        n
        for n in dict.fromkeys((*named, *known, *sorted(present)))
        if n in named or n in present or n in SET_METRICS
    ]
    metrics = [_metric(named.get(name, {}), known.get(name, Metric(name, name))) for name in found]
    return sorted(metrics, key=lambda m: (m.better == 0, m.name in SET_METRICS))


def _metric(about: dict[str, Any], base: Metric) -> Metric:
    """What the manifest says, else what is known."""
    better = (
        {True: 1, False: -1, None: 0}[about["higher_is_better"]]
        if "higher_is_better" in about
        else base.better
    )
    spec = str(about.get("format") or base.format)
    if not re.fullmatch(r"\.\d+[efg]", spec):
        spec = base.format
    label, note = about.get("label") or base.label, about.get("note") or base.note
    return Metric(base.name, label, spec, better, note, float(about.get("scale") or base.scale))
