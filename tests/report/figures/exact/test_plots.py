"""Which figures the records of an exact suite allow, and that equal records give equal bytes."""

import pytest

from bench.report.columns import columns_of
from bench.report.exact import numbers
from bench.report.figures.drawings import draw as encoded
from bench.report.figures.exact.plots import draw, priors_with_split
from tests.made_exact import exact_row, exact_tables


def drawn(*rows):
    tables = exact_tables(*rows)
    metrics = columns_of(tables, [])
    files, _ = encoded(["png"], draw(tables, [numbers(table, metrics) for table in tables]))
    return {name.removesuffix(".png"): data for name, data in files.items()}


def test_figures_are_those_that_the_records_allow():
    assert drawn(exact_row("dps")).keys() == {"variance_by_frequency", "variance_split", "psnr_vs_distance"}
    assert drawn(exact_row("dps", psnr_sample=None)).keys() == {"variance_split"}
    assert drawn(exact_row("dps", var_ratio_measured=None)).keys() == {
        "variance_by_frequency",
        "psnr_vs_distance",
    }
    assert drawn(exact_row("dps", psnr_sample=None, var_ratio_unmeasured=None)) == {}


def test_the_split_of_the_variance_has_a_panel_for_each_prior():
    tables = exact_tables(
        exact_row("dps", prior="a"), exact_row("dps", prior="a", task="zoom"), exact_row("dps", prior="b"),
        exact_row("dps", prior="c", var_ratio_measured=None),
    )  # fmt: skip
    assert {prior: [table.head.task for table in own] for prior, own in priors_with_split(tables)} == {
        "a": ["blur", "zoom"], "b": ["blur"],
    }  # fmt: skip


@pytest.mark.long
def test_equal_records_give_equal_bytes():
    rows = [exact_row("dps", 2), exact_row("exact", 2), exact_row("tds", 2)]
    first = drawn(*rows)
    assert drawn(*rows[::-1]) == first
    assert (
        drawn(*rows[:2], exact_row("tds", 2, var_band_2=3.0, sw=2.0, var_ratio_measured=3.0))
        .items()
        .isdisjoint(first.items())
    )
