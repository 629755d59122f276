"""The picture of a task: at most eight columns, numbers below the pictures, a line of error maps."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.report.columns import KNOWN
from bench.report.figures.colours import looks
from bench.report.figures.pictures import grid
from bench.report.figures.pictures.sheet import encode_sheet
from bench.report.ranking import judge
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import N, record, records


@pytest.fixture
def draw(tmp_path):
    """The grid of some records, whose pictures are all squares of one size."""

    def draw(found, side=8, kept=lambda name: True):
        picture = tmp_path / f"{side}.png"
        Image.fromarray(np.arange(side * side, dtype=np.uint8).reshape(side, side)).save(picture)
        tables = build(found, [])
        scores = judge(tables[0], KNOWN[0], Sets([tmp_path]))
        return grid.draw(
            tables[0], KNOWN[0], scores, looks(tables), lambda name: picture if kept(name) else None
        )

    return draw


def texts(sheet):
    return [text.text for text in sheet.texts]


@pytest.mark.parametrize("n", range(1, 60))
def test_at_most_eight_columns_stand_side_by_side(n):
    found = grid.bands(n)
    assert sum(found) == n and min(found) >= 1
    assert found[0] + 2 <= grid.ACROSS and all(share + 1 <= grid.ACROSS for share in found[1:])
    assert len(found) == 1 or max(found) - min(found) <= 1, "as even as these allow"


@pytest.mark.parametrize(("side", "cell"), [(1, 160), (8, 160), (100, 200), (160, 160), (300, 300)])
def test_pictures_are_enlarged_by_whole_factors(draw, side, cell):
    sheet = draw([record("best", i) for i in range(2)], side)
    assert {picture.box[2:] for picture in sheet.pictures if picture.image.size == (side, side)} == {
        (cell, cell)
    }


def test_columns_are_baselines_first_and_squares_say_why_they_are_empty(draw):
    found = []
    for made in records():
        made = replace(made, baseline=made.label in ("pinv", "worse"))
        if (made.label, made.image) == ("worse", "0"):
            made = replace(made, status="out_of_memory", metrics={})
        if (made.label, made.image) != ("same", "1"):
            found.append(made)
    lost = next(f.key for f in found if (f.label, f.image) == ("best", "2"))
    sheet = draw(found, kept=lambda name: lost not in name and "measurement/blur1" not in name)
    titles = [
        text for text in texts(sheet) if text in {"truth", "measurement", "A⁺y", "worse", "best", "same"}
    ]
    assert titles == ["truth", "measurement", "A⁺y", "worse", "best", "same"]
    words = [
        text for text in texts(sheet) if text in {"not kept", "not run", "out of memory", "no error map"}
    ]
    assert sorted(words) == ["no error map", "not kept", "not kept", "not run", "out of memory"]


def test_every_picture_has_its_number_and_every_row_its_mean(draw):
    found = [record("best", i) for i in range(N)]
    written = texts(draw(found))
    for made in found[: grid.IMAGES]:
        assert f"{made.metrics['psnr']:.2f}" in written and f"image {made.image}" in written
    mean = np.mean([made.metrics["psnr"] for made in found])
    assert f"mean {mean:.2f}" in written
    few = texts(draw([f for f in records() if f.label != "worse" or int(f.image) < 5]))
    assert any(text.startswith("mean") and text.endswith(", n 5") for text in few)
    assert any(text.startswith("(mean") for text in few), "images failed"


def test_the_sheet_says_what_it_is_about(draw):
    written = " ".join(texts(draw(records())))
    for part in ("blur", "suite linear", "σ = 0.1", "prior net", f"n = {N} images", "PSNR in dB"):
        assert part in written


def test_further_rows_follow_below_beside_the_truth(draw):
    found = []
    for k in range(12):
        found += [record("best", i, label=f"row{k}", cell=f"{k}", key=f"{k} {i}") for i in range(N)]
    sheet = draw(found)
    assert [text for text in texts(sheet) if text == "truth"] == ["truth"] * 2
    assert [text for text in texts(sheet) if text == "measurement"] == ["measurement"]
    assert max(picture.box[0] + picture.box[2] for picture in sheet.pictures) <= sheet.width <= 8 * 165 + 5
    assert max(picture.box[1] + picture.box[3] for picture in sheet.pictures) <= sheet.height
    assert len({picture.box for picture in sheet.pictures}) == len(sheet.pictures)


def test_without_pictures_there_is_no_grid(draw):
    assert draw(records(), kept=lambda name: False) is None
    assert draw(records(), kept=lambda name: "truth" in name) is None


def test_equal_records_give_equal_bytes(draw):
    first, again, other = (encode_sheet(draw(r), "png") for r in (records(), records()[::-1], records()[12:]))
    assert first == again != other
