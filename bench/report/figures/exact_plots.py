"""Figures of exact suites: what becomes of the posterior's variance, and what PSNR makes of it."""

from collections.abc import Sequence

from bench.report.exact import Numbers
from bench.report.figures.scatter import pooled, rewards, scatter, styles, variances
from bench.report.figures.spectra import spectra
from bench.report.tables import Table


def draw(tables: Sequence[Table], judged: Sequence[Numbers]) -> dict[str, bytes]:
    """Figure name -> PNG bytes, for the figures that the records allow.

    Args:
        tables: those of exact suites.
        judged: the numbers of each table.
    """
    style = styles(tables)
    sampled = [table for table, found in zip(tables, judged, strict=True) if "psnr_sample" in found]
    drawn = {
        "variance_by_frequency": spectra(sampled),
        "variance_split": scatter(
            priors_with_split(tables),
            style,
            variances,
            ylabel="unmeasured variance / posterior's",
            xlabel="measured variance / posterior's",
        ),
        "psnr_vs_distance": scatter(
            [(table.title, [table]) for table in sampled],
            style,
            rewards,
            ylabel="PSNR of one sample [dB]",
            xlabel="sliced W2 / that of exact samples",
        ),
    }
    return {name: data for name, data in drawn.items() if data}


def priors_with_split(tables: Sequence[Table]) -> list[tuple[str, list[Table]]]:
    """Each prior with its tables, if their records split the variance into measured and unmeasured."""
    by_prior: dict[str, list[Table]] = {}
    for table in tables:
        by_prior.setdefault(table.head.prior, []).append(table)
    found = []
    for prior, own in by_prior.items():
        if pooled(own, "var_ratio_measured") and pooled(own, "var_ratio_unmeasured"):
            found.append((prior, own))
    return found
