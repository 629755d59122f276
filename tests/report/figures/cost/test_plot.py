"""The picture of quality against cost: two panels for a metric, a point for each row, names between them."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bench.report.columns import KNOWN
from bench.report.figures.axes.limits import Limits
from bench.report.figures.colours import BASELINE, SHAPES, looks
from bench.report.figures.cost import plot
from bench.report.figures.page import encode
from bench.report.ranking import judge_all
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import N, record, records

PSNR, LPIPS = KNOWN[0], KNOWN[2]


@pytest.fixture
def draw(tmp_path):
    def draw(found, *metrics):
        tables = build(found, [])
        metrics = metrics or (PSNR,)
        one = judge_all(tables[0], metrics, Sets([tmp_path]), {})
        return plot.draw(one, metrics, looks(tables))

    return draw


def marks(axis):
    """(x, y) of the points of a panel, as shares of it."""
    return [
        (round(float(line.get_xdata()[0]), 6), round(float(line.get_ydata()[0]), 6))
        for line in axis.lines
        if line.get_marker() in SHAPES
    ]


def names(page):
    found = []
    for axis in page.axes:
        found += [text.get_text() for text in axis.texts]
    return found


def test_passes_come_first_seconds_second_and_every_row_is_named_once(draw):
    page = draw(records())
    passes, seconds, _ = page.axes
    assert "passes" in passes.get_xlabel() and "seconds" in seconds.get_xlabel()
    assert passes.get_xscale() == seconds.get_xscale() == "log"
    assert [name.split(" ")[0] for name in sorted(names(page))] == [
        "(fails)",
        "best",
        "pinv",
        "same",
        "worse",
    ]
    assert len(marks(passes)) == len(marks(seconds)) == 4 and len(set(marks(passes))) == 4
    assert {tick for tick in passes.get_xticks() if 10 < tick < 100} == {20, 40}
    written = " ".join(text.get_text() for text in page.texts)
    for part in ("Quality against cost: blur", f"n = {N} images", "σ = 0.1", "prior net", "(Brackets)"):
        assert part in written


def test_without_seconds_there_is_one_panel(draw):
    page = draw([replace(r, seconds=None) for r in records()])
    assert len([axis for axis in page.axes if axis.get_xlabel()]) == 1


def test_each_metric_has_a_line_and_one_without_numbers_none(draw):
    found = [
        replace(r, metrics=r.metrics | {"lpips": 0.1 + r.metrics.get("psnr", 0) / 100}) for r in records()
    ]
    labels = [axis.get_ylabel() for axis in draw(found, PSNR, LPIPS).axes if axis.get_ylabel()]
    assert labels == ["PSNR [dB]\n(higher is better)", "LPIPS\n(lower is better)"]
    assert len([axis for axis in draw(records(), PSNR, LPIPS).axes if axis.get_ylabel()]) == 1
    assert draw(records(), LPIPS) is None
    assert draw([r for r in records() if r.baseline]) is None


def test_a_baseline_within_the_axis_is_a_line(draw):
    found = [replace(r, metrics={"psnr": r.metrics["psnr"] + 11}) if r.baseline else r for r in records()]
    passes = draw(found).axes[0]
    [level] = [line for line in passes.lines if to_hex(line.get_color()) == BASELINE]
    assert len(set(level.get_ydata())) == 1


def of_one_method(*rows):
    """Records of rows of dps: (name, passes, parameters)."""
    found = []
    for row, passes, params in rows:
        found += [
            replace(record(row, i), solver="dps", nfe=passes, vjps=0, params=params, preset=row)
            for i in range(N)
        ]
    return found


def dotted(page):
    return [line for line in page.axes[0].lines if line.get_linestyle() == ":"]


def test_budgets_of_a_method_are_joined_in_order_of_their_cost(draw):
    rows = [("best", 300, {"steps": 300}), ("same", 100, {"steps": 100}), ("worse", 200, {"steps": 200})]
    [line] = dotted(draw(of_one_method(*rows)))
    assert (np.diff(line.get_xdata()) > 0).all() and len(line.get_xdata()) == 3


def test_rows_that_differ_in_more_than_their_budget_are_not_joined(draw):
    """Of another strength, and of as many steps that cost more."""
    rows = [("best", 300, {"steps": 300, "eta": 1.0}), ("same", 100, {"steps": 100, "eta": 0.5})]
    assert not dotted(draw(of_one_method(*rows)))
    rows = [("best", 300, {"steps": 300}), ("same", 100, {"steps": 300})]
    assert not dotted(draw(of_one_method(*rows)))
    rows = [("best", 300, {"steps": 300, "eta": 1.0}), ("same", 100, {"steps": 100, "eta": 1.0})]
    [line] = dotted(draw(of_one_method(*rows, ("worse", 200, {"steps": 200, "eta": 0.5}))))
    assert len(line.get_xdata()) == 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, N])
def test_equal_values_single_images_and_no_passes_are_drawn(draw, n):
    found = [replace(record("best", i, psnr=20.0), seconds=0.0, nfe=0, vjps=0) for i in range(n)]
    assert encode(draw(found), "png")


def test_24_rows_stay_apart(draw):
    """All at one cost, in a narrow range, with long names."""
    found = []
    for k in range(24):
        label = f"a-method-of-long-name-{k:02d}"
        for i in range(N):
            changes = {"label": label, "solver": label, "cell": label, "key": f"{label}{i}"}
            found.append(record("worse", i, psnr=20 + k / 50 + i, **changes))
    page = draw(found)
    page.draw_without_rendering()
    boxes = [text.get_window_extent() for axis in page.axes for text in axis.texts]
    assert len(boxes) == 24 and not any(
        a.overlaps(b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if a.shrunk(1, 0.8).overlaps(b.shrunk(1, 0.8))
    )
    assert len(set(marks(page.axes[0]))) == 24


def test_equal_records_give_equal_bytes(draw):
    first = encode(draw(records()), "svg")
    assert encode(draw(records()[::-1]), "svg") == first
    assert encode(draw([r for r in records() if r.label != "worse"]), "svg") != first


def test_the_passes_of_most_rows_have_their_number():
    axis, limits = Figure().add_subplot(), Limits(10, 2000, is_log=True)
    limits.on(axis, "x")
    plot._mark_costs(axis, limits, [20, 100, 100, 104, 1000])
    assert list(axis.get_xticks()) == [20, 100, 1000]
