"""Best, median and worst pictures: by the number of the picture, with its place among all images."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.report.columns import KNOWN
from bench.report.figures.pictures import extremes
from bench.report.figures.pictures.sheet import encode_sheet
from bench.report.tables import build
from tests.made_run import record, records

PSNR, LPIPS, MISFIT = KNOWN[0], KNOWN[2], KNOWN[7]
SCORES = [20.0, 25.0, 21.0, 30.0, 10.0, 22.0, 23.0]


@pytest.fixture
def draw(tmp_path):
    def draw(found, metric=PSNR, kept=lambda name: True):
        picture = tmp_path / "8.png"
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(picture)
        [table] = build(found, [])
        return extremes.draw(table, metric, lambda name: picture if kept(name) else None)

    return draw


def numbers(sheet):
    return [text.text for text in sheet.texts if text.text.startswith("image")]


def row(scores=SCORES, **changes):
    return [record("best", i, psnr=value, **changes) for i, value in enumerate(scores)]


def test_they_are_the_best_the_median_and_the_worst(draw):
    sheet = draw(row())
    assert numbers(sheet) == ["image 3: 30.00 (1 of 7)", "image 5: 22.00 (4 of 7)", "image 4: 10.00 (7 of 7)"]
    assert len(sheet.pictures) == 6
    written = " ".join(text.text for text in sheet.texts)
    for part in ("of the 7 images", "σ = 0.1", "prior net", "PSNR in dB", "best", "median", "worst"):
        assert part in written


def test_of_the_pictures_that_were_kept(draw):
    found = row()
    lost = {f"{found[3].key}.png", f"{found[4].key}.png"}
    sheet = draw(found, kept=lambda name: name not in lost)
    assert numbers(sheet) == ["image 1: 25.00 (2 of 7)", "image 5: 22.00 (4 of 7)", "image 0: 20.00 (6 of 7)"]
    assert draw(found, kept=lambda name: "truth" in name or name in lost) is None, "two are too few"


def test_lower_is_better_where_the_metric_says_so(draw):
    found = [replace(r, metrics={"lpips": r.metrics["psnr"] / 100}) for r in row()]
    assert numbers(draw(found, LPIPS))[0] == "image 4: 0.100 (1 of 7)"
    assert draw(found, MISFIT) is None and draw(found, None) is None


def test_each_method_has_a_line_and_baselines_none(draw):
    sheet = draw(records())
    assert len(numbers(sheet)) == 3 * 4 and "pinv" not in {text.text for text in sheet.texts}
    assert encode_sheet(sheet, "png") == encode_sheet(draw(records()[::-1]), "png")
