"""Quality against seconds: what stands where, which points are hollow, and what is not drawn."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from bench.report.columns import KNOWN
from bench.report.figures import plot
from bench.report.figures.colours import BASELINE, colours, markers
from bench.report.ranking import judge
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import PSNR, N, record, records

METRIC = KNOWN[0]


def draw(tmp_path, found, metric=METRIC):
    tables = build(found, [])
    scores = [{metric.name: judge(table, metric, Sets([tmp_path]))} for table in tables]
    return plot.draw(tables, scores, [None] * len(tables), metric, colours(tables), markers(tables))


@pytest.fixture
def page_of(tmp_path, monkeypatch):
    """The page that would be written for some records."""

    def page_of(found):
        pages = []
        monkeypatch.setattr(plot, "to_png", lambda page: pages.append(page) or b"")
        draw(tmp_path, found)
        return pages[0]

    return page_of


def points(axis):
    """Label of a marker's place -> its face: (x, y) -> colour."""
    found = {}
    for bars in axis.containers:
        line = bars.lines[0]
        found[round(line.get_xdata()[0], 4), round(line.get_ydata()[0], 4)] = to_hex(
            line.get_markerfacecolor()
        )
    return found


def test_an_infinite_score_stands_above_all_others(page_of):
    """In one image of the row "best" and in all of a baseline."""
    found = [
        record("best", i, psnr=np.inf if i == 4 else None) if r == "best" else record(r, i)
        for r in ("best", "worse")
        for i in range(N)
    ]
    [axis] = page_of([*found, *(record("pinv", i, psnr=np.inf) for i in range(N))]).axes
    heights = sorted(y for _, y in points(axis))
    assert heights[0] == round(PSNR["worse"].mean(), 4) and heights[1] > heights[0]
    assert [text.get_text() for text in axis.texts] == ["∞", "∞"]
    [level] = [line for line in axis.lines if to_hex(line.get_color()) == BASELINE]
    assert round(level.get_ydata()[0], 4) == heights[1]


def test_a_panel_has_a_point_for_each_solver_and_a_line_for_each_baseline(page_of):
    page = page_of([*records(), *records("box")])
    assert [axis.get_title() for axis in page.axes] == ["blur", "box"]
    axis = page.axes[0]
    seconds = round(np.mean([0.5, 0.51, 0.52]), 4)
    finished = np.delete(PSNR["fails"], [3, 7])
    faces = {row: points(axis)[seconds, round(PSNR[row].mean(), 4)] for row in ("best", "same", "worse")}
    assert len(set(faces.values())) == 3 and "#ffffff" not in faces.values()
    assert points(axis)[seconds, round(finished.mean(), 4)] == "#ffffff", "images failed: hollow"
    assert len(axis.containers) == 4
    [level] = [line for line in axis.lines if to_hex(line.get_color()) == BASELINE]
    assert list(level.get_ydata()) == pytest.approx([PSNR["pinv"].mean()] * 2)
    assert page.get_supylabel() == "PSNR [dB]  (higher is better)" and axis.get_xscale() == "log"


def test_the_legend_names_every_row_once_and_says_what_hollow_means(page_of):
    [legend] = page_of([*records(), *records("box")]).legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["best", "fails", "pinv (baseline)", "same", "worse"]
    assert legend.get_title().get_text() == plot.HOLLOW
    whole = [found for found in records() if found.label != "fails"]
    assert page_of(whole).legends[0].get_title().get_text() == ""


def test_rows_with_fewer_images_are_named_so(page_of):
    few = [found for found in records() if found.label != "worse" or int(found.image) < 5]
    [legend] = page_of(few).legends
    assert "worse (5 images)" in [text.get_text() for text in legend.get_texts()]
    assert legend.get_title().get_text() == f"{plot.FEWER}\n{plot.HOLLOW}"


def test_rows_of_a_solver_are_joined_in_order_of_their_seconds(page_of):
    found = []
    for row, seconds in (("best", 3.0), ("same", 1.0), ("worse", 2.0)):
        found += [replace(record(row, i), solver="dps", seconds=seconds) for i in range(N)]
    [axis] = page_of(found).axes
    [line] = [line for line in axis.lines if line.get_alpha() == 0.45]
    assert list(line.get_xdata()) == [1, 2, 3]
    assert list(line.get_ydata()) == pytest.approx([PSNR[row].mean() for row in ("same", "worse", "best")])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, N])
def test_equal_values_and_single_images_have_no_bars(page_of, n):
    found = [replace(record("best", i, psnr=20.0), seconds=1.0) for i in range(n)]
    [axis] = page_of(found).axes
    assert points(axis).keys() == {(1.0, 20.0)} and axis.get_xlim() == (0.5, 2)
    for bars in axis.containers[0].lines[2]:
        assert all(np.ptp(segment) == 0 for segment in np.diff(bars.get_segments(), axis=1))
    assert len(axis.containers[0].lines[2]) == (n > 1), "an interval of no length, or none: y only"


def test_without_the_metric_or_a_time_nothing_is_drawn(tmp_path):
    assert draw(tmp_path, [replace(found, seconds=None) for found in records()]) is None
    assert draw(tmp_path, [found for found in records() if found.baseline]) is None
    assert draw(tmp_path, records(), KNOWN[2]) is None, "no LPIPS"


def test_equal_records_give_equal_bytes(tmp_path):
    first = draw(tmp_path, records())
    assert first and draw(tmp_path, records()[::-1]) == first
    assert draw(tmp_path, [found for found in records() if found.label != "worse"]) != first


def test_more_rows_of_a_colour_than_there_are_shapes_are_drawn(tmp_path):
    """Their markers are numbers, which no format string takes."""
    found = []
    for k in range(12):
        settings = {"zeta": k}
        found += [
            replace(r, label=f"row {k}", cell=f"{k}", params=settings) for r in records() if r.label == "best"
        ]
    assert any(marker.startswith("$") for marker in markers(build(found, [])).values())
    assert draw(tmp_path, found).startswith(b"\x89PNG")


@pytest.mark.parametrize("across", [1, 2, 3, 4])
def test_a_legend_fills_its_lines_evenly(across):
    for n in range(1, 30):
        columns = plot._columns(n, across)
        lines = -(-n // columns)
        assert columns <= max(2, 1.5 * across + 0.5) and columns * lines - n < lines
