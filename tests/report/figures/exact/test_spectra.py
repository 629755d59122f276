"""Maps of variance by frequency: their numbers, the order of their rows, and what stays empty."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.report.figures.exact.spectra import band_ratios, ratio_map, row_order, spectra
from tests.drawn import cut_off
from tests.made_exact import exact_row, exact_tables


@pytest.mark.filterwarnings("error")
def test_the_map_of_ratios_prints_what_its_colours_cannot_tell():
    axis = Figure().subplots()
    colours = ratio_map(axis, np.array([[0.0, 1.0], [3162.3, np.nan]])).get_array()
    assert [text.get_text() for text in axis.texts] == ["0.00", "1.00", "3162"]
    assert colours.filled(-9).tolist() == [[-1, 0], [1, -9]]


def test_anchors_come_first_and_rows_of_a_solver_together():
    tables = exact_tables(
        exact_row("ddrm", label="ddrm-20"), exact_row("dps"), exact_row("prior"), exact_row("exact"),
        exact_row("ddrm", label="ddrm-50"), exact_row("ddrm", label="ddrm-5", task="zoom"),
    )  # fmt: skip
    names, n_anchors = row_order(tables)
    assert names[:2] == ["exact", "prior"] and n_anchors == 2
    assert sorted(names[2:5]) == ["ddrm-20", "ddrm-5", "ddrm-50"] and names[5:] == ["dps"]


def test_ratios_are_medians_and_nan_where_there_are_none():
    [table] = exact_tables(exact_row("exact", 5), exact_row("dps", 5, var_band_0=0.1, var_band_4=None))
    ratios = band_ratios(table, ["dps", "absent", "exact"])
    np.testing.assert_allclose(ratios[0], [0.102, 1.02, 1.02, 1.02, np.nan])
    assert np.isnan(ratios[1]).all() and ratios[2] == pytest.approx(1.02)


def test_a_map_for_each_task_over_the_bands_that_any_has():
    rows = [
        exact_row("dps", task=task, var_band_0=None, var_band_3=None) for task in ("blur", "zoom", "mask")
    ]
    page = spectra(exact_tables(*rows, exact_row("exact", task="blur", var_band_0=None, var_band_3=None)))
    *maps, bar = page.axes
    assert [axis.get_title().splitlines()[0] for axis in maps] == [
        "blur",
        "mask",
        "zoom",
    ] and bar.get_xlabel()
    assert [label.get_text() for label in maps[0].get_xticklabels()] == ["2–5", "5–9", "14+"]
    assert [label.get_text() for label in maps[0].get_yticklabels()] == ["exact", "dps"]
    assert [len(axis.texts) for axis in maps] == [6, 3, 3], "exact samples of the other tasks are not there"


def test_long_titles_of_neighbouring_maps_do_not_meet():
    rows = [exact_row("dps", n, f"exact-templates32-with-{n}-large-classes") for n in (5, 6, 7, 8)]
    page = spectra(exact_tables(*rows))
    page.canvas.draw()
    titles = [axis.title.get_window_extent() for axis in page.axes[:-1]]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(titles))
    [least, *_] = sorted(axis.get_window_extent().height for axis in page.axes[:-1])
    assert least > 0.15 * page.dpi, "a row of numbers keeps its height below titles of many lines"


def test_without_numbers_there_is_no_figure():
    bands = {f"var_band_{band}": None for band in range(5)}
    assert spectra([]) is None and spectra(exact_tables(exact_row("dps", **bands))) is None


def test_a_single_map_holds_its_title():
    without = {"var_band_2": None, "var_band_3": None, "var_band_4": None}
    assert cut_off(spectra(exact_tables(exact_row("dps", **without), exact_row("exact", **without)))) == []
