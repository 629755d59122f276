"""The picture of a task: squares of equal size, crisp pixels, and a word where there is no picture."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.report.columns import KNOWN
from bench.report.figures import grid
from bench.report.ranking import judge
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import ROWS, record, records

COLOURS = dict.fromkeys(ROWS, "#0072B2")


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draws the grid of some records, whose pictures are all squares of one size; also what was painted."""

    def draw(found, side=8, kept=lambda name: True):
        picture = tmp_path / f"{side}.png"
        Image.fromarray(np.arange(side * side, dtype=np.uint8).reshape(side, side)).save(picture)
        [table] = build(found, [])
        painted, paint = [], grid._paint
        monkeypatch.setattr(grid, "_paint", lambda *parts: painted.append(parts) or paint(*parts))
        scores = judge(table, KNOWN[0], Sets([tmp_path]))
        png = grid.draw(table, KNOWN[0], scores, COLOURS, lambda name: picture if kept(name) else None)
        monkeypatch.setattr(grid, "_paint", paint)
        return png, painted

    return draw


@pytest.mark.parametrize(("side", "cell"), [(1, 160), (8, 160), (100, 200), (160, 160), (300, 300)])
def test_pictures_are_enlarged_by_whole_factors(draw, side, cell):
    png, _ = draw([record("best", i) for i in range(2)], side)
    sheet = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    gap = max(cell // 32, 4)
    assert sheet.shape[1] == gap + 3 * (cell + gap)
    pixels = np.arange(side * side, dtype=np.uint8).reshape(side, side)
    factor = cell // side
    shown = sheet[-gap - cell : -gap, gap : gap + cell]
    np.testing.assert_array_equal(shown, np.kron(pixels, np.ones((factor, factor), np.uint8)))


def test_smaller_pictures_are_centred_and_larger_ones_shrunk():
    for size, box in (((3, 2), (0, 2, 9, 8)), ((30, 30), (0, 0, 10, 10)), ((40, 4), (0, 4, 10, 5))):
        sheet = Image.new("RGB", (10, 10), "white")
        grid._place(sheet, Image.new("RGB", size, "black"), (0, 0), 10)
        dark = np.argwhere(np.asarray(sheet.convert("L")) == 0)
        assert (*dark.min(0)[::-1], *(dark.max(0) + 1)[::-1]) == box, size


def test_columns_are_baselines_first_and_squares_say_why_they_are_empty(draw):
    found = []
    for made in records():
        made = replace(made, baseline=made.label in ("pinv", "worse"))
        if (made.label, made.image) == ("worse", "0"):
            made = replace(made, status="out_of_memory", metrics={})
        if (made.label, made.image) != ("same", "1"):
            found.append(made)
    lost = next(f.key for f in found if (f.label, f.image) == ("best", "1"))
    _, [(columns, lines)] = draw(
        found, kept=lambda name: lost not in name and "measurement/blur1" not in name
    )
    titles = [column.title for column in columns]
    assert titles == ["truth", "measurement", "A⁺y", "worse", "best", "fails", "same"]
    words = {}
    for i, line in enumerate(lines[:2]):
        for title, content in zip(titles, line, strict=True):
            if isinstance(content, str):
                words[title, i] = content
    assert words == {
        ("measurement", 1): "not kept",
        ("best", 1): "not kept",
        ("same", 1): "not run",
        ("worse", 0): "out of memory",
    }
    assert len(lines) == grid.ROWS


def test_captions_are_means_in_brackets_where_images_are_missing(draw):
    _, [(columns, _)] = draw(records())
    captions = {column.title: column.caption for column in columns}
    assert captions["truth"] == "" and captions["best"].endswith(" dB") and captions["fails"].startswith("(")
    few = [found for found in records() if found.label != "worse" or int(found.image) < 5]
    _, [(columns, _)] = draw(few)
    assert {column.title: column.caption for column in columns}["worse"].endswith(", n 5")


def test_without_pictures_there_is_no_grid(draw):
    assert draw(records(), kept=lambda name: False) == (None, [])
    assert draw(records(), kept=lambda name: "truth" in name) == (None, [])


def test_equal_records_give_equal_bytes(draw):
    assert draw(records())[0] == draw(records()[::-1])[0] != draw(records()[12:])[0]


@pytest.mark.parametrize(
    "title", ["dps", "a-quite-long-name-of-a-solver[zeta=0.25,steps=1000]", "w" * 60, "ab cd " * 9]
)
def test_titles_fit_their_column_and_lose_nothing(title):
    lines, size = grid._wrap(title, 160, 1.0)
    assert len(lines) <= 2 and "".join(lines).replace(" ", "") == title.replace(" ", "")
    assert size <= 22
    assert size == grid.LEAST_FONT or max(grid._font(size).getlength(line) for line in lines) <= 160
