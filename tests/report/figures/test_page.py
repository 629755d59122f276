"""The arrangement of panels, and bytes that are equal for equal pages."""

import io

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from bench.report.figures import KINDS
from bench.report.figures.colours import HUES
from bench.report.figures.page import ACROSS, STYLE, arrangement, encode, finish_grid, new_page


@pytest.mark.parametrize("n", range(1, 30))
def test_panels_fill_their_grid(n):
    down, across = arrangement(n)
    assert across <= ACROSS and (down - 1) * across < n <= down * across, "no empty line"
    assert down == -(-n // ACROSS), "as few lines as there can be"
    assert down * across - n < down, "as even as these allow"


@pytest.mark.parametrize(("n", "labelled"), [(1, [0]), (2, [0, 1]), (3, [1, 2]), (4, [2, 3])])
def test_surplus_axes_go_and_the_lowest_are_labelled(n, labelled):
    page = Figure()
    axes = page.subplots(2, 2).ravel()
    finish_grid(axes, n, 2, "seconds", fontsize=7)
    assert page.axes == list(axes[:n])
    assert [i for i in range(n) if axes[i].get_xlabel()] == labelled
    assert axes[labelled[0]].xaxis.label.get_fontsize() == 7


def made(title):
    with rc_context(STYLE):
        page = new_page(2, 1)
        page.subplots().set_title(title)
    return page


@pytest.mark.parametrize("kind", KINDS)
def test_equal_pages_give_equal_bytes_without_a_date(kind):
    first, again, other = (encode(made(title), kind) for title in ("a", "a", "b"))
    assert first == again != other
    for word in (b"Software", b"tIME", b"dc:date", b"CreationDate", b"Matplotlib"):
        assert word not in first
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])


def test_one_page_in_all_formats_has_the_same_bytes_as_alone():
    page = made("a")
    assert [encode(page, kind) for kind in KINDS] == [encode(made("a"), kind) for kind in KINDS]


def test_text_stays_text_and_is_never_mathematics():
    text = "5 $x_1$ <b> & σ"
    svg = encode(made(text), "svg").decode()
    assert "5 $x_1$ &lt;b&gt; &amp; σ</text>" in svg and "sans-serif" in svg
    assert b"/Type /Font" in encode(made(text), "pdf")


def test_hues_survive_the_palette_of_a_png():
    page = new_page(3, 2)
    axis = page.subplots()
    for k, hue in enumerate(HUES):
        axis.plot([k], [k], "o", color=hue, markersize=9)
    pixels = np.asarray(Image.open(io.BytesIO(encode(page, "png"))).convert("RGB")).reshape(-1, 3)
    for hue in HUES:
        wanted = [int(hue[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.abs(pixels - wanted).max(axis=1).min() <= 2
