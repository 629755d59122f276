"""Figures of exact suites: what becomes of the posterior's variance, and what PSNR makes of it."""

from collections.abc import Sequence

from bench.report.exact import Numbers
from bench.report.figures.drawings import Drawings
from bench.report.figures.exact.scatter import pooled, rewards, scatter, styles, variances
from bench.report.figures.exact.spectra import spectra
from bench.report.tables import Table


def draw(tables: Sequence[Table], judged: Sequence[Numbers]) -> Drawings:
    """The figures that the records allow, each made when it is asked for.

    Args:
        tables: those of exact suites.
        judged: the numbers of each table.
    """
    style = styles(tables)
    sampled = [table for table, found in zip(tables, judged, strict=True) if "psnr_sample" in found]
    yield "variance_by_frequency", spectra(sampled)
    yield (
        "variance_split",
        scatter(
            priors_with_split(tables),
            style,
            variances,
            "Variance that the measurement fixes, and that it leaves open",
            ("measured variance / posterior's", "unmeasured variance / posterior's"),
        ),
    )
    yield (
        "psnr_vs_distance",
        scatter(
            [(table.title, [table]) for table in sampled],
            style,
            rewards,
            "What PSNR says of samples, and how far they are from the posterior",
            ("sliced W2 / that of exact samples", "PSNR of one sample [dB]"),
        ),
    )


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
