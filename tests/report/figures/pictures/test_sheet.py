"""Sheets: crisp pictures, texts that fit, equal bytes in every format."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from bench.report.figures import KINDS
from bench.report.figures.page import font
from bench.report.figures.pictures.sheet import (
    LEAST_FONT,
    Bar,
    Sheet,
    Text,
    encode_sheet,
    fit,
    fold,
    wrap,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def made(pixels=PIXELS, text="a <b> & σ"):
    sheet = Sheet(200, 120)
    sheet.show(Image.fromarray(pixels), (10, 10), 80)
    sheet.show("not kept", (100, 10), 80)
    sheet.texts.append(Text((50, 110), text, 12))
    sheet.bars.append(Bar((10, 2, 80, 4), "#9f2f00"))
    return sheet


def test_a_png_has_the_very_pixels():
    drawn = np.asarray(Image.open(io.BytesIO(encode_sheet(made(), "png"))))
    np.testing.assert_array_equal(drawn[10:90, 10:90], np.kron(PIXELS, np.ones((10, 10, 1), np.uint8)))
    assert tuple(drawn[3, 50]) == (0x9F, 0x2F, 0)


def test_a_grey_sheet_is_a_grey_file():
    grey = np.repeat(PIXELS[..., :1], 3, axis=-1)
    sheet = made(grey)
    sheet.bars.pop()
    assert Image.open(io.BytesIO(encode_sheet(sheet, "png"))).mode == "L"
    assert Image.open(io.BytesIO(encode_sheet(made(grey), "png"))).mode == "RGB"


def test_an_svg_has_the_picture_in_its_own_size_and_texts_as_texts():
    svg = encode_sheet(made(), "svg").decode()
    assert "a &lt;b&gt; &amp; σ</text>" in svg and "not kept</text>" in svg
    data = re.search(r'data:image/png;base64,([^"]+)"', svg)[1]
    inner = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    np.testing.assert_array_equal(inner, PIXELS)
    assert "pixelated" in svg


@pytest.mark.parametrize("kind", KINDS)
def test_equal_sheets_give_equal_bytes(kind):
    assert encode_sheet(made(), kind) == encode_sheet(made(), kind) != encode_sheet(made(text="b"), kind)


def test_smaller_pictures_are_centred_and_larger_ones_shrunk():
    for size, box in (((3, 2), (0, 2, 9, 8)), ((30, 30), (0, 0, 10, 10)), ((40, 4), (0, 4, 10, 5))):
        sheet = Sheet(10, 10)
        sheet.show(Image.new("RGB", size, "black"), (0, 0), 10)
        dark = np.argwhere(np.asarray(Image.open(io.BytesIO(encode_sheet(sheet, "png")))) == 0)
        assert (*dark.min(0)[:2][::-1], *(dark.max(0)[:2] + 1)[::-1]) == box, size


@pytest.mark.parametrize(
    "title", ["dps", "a-quite-long-name-of-a-solver[zeta=0.25,steps=1000]", "w" * 60, "ab cd " * 9]
)
def test_titles_fit_their_column_and_lose_nothing(title):
    lines, size = wrap(title, 160, 22)
    assert len(lines) <= 2 and "".join(lines).replace(" ", "") == title.replace(" ", "")
    assert size <= 22
    assert size == LEAST_FONT or max(font(size).getlength(line) for line in lines) <= 160


def test_sentences_fit_their_width():
    for line in fold("wide words of a long caption " * 9, 400, 15):
        assert font(15).getlength(line) <= 400
    assert fit("abc", 1, 20) == LEAST_FONT and fit("abc", 500, 20) == 20
