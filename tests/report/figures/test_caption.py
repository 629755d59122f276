"""What is printed in figures: suite, images, noise, prior; what panels share only once."""

from dataclasses import replace

import pytest

from bench.report.figures.caption import TITLE, caption, captions, fold, head, noise, write
from bench.report.figures.page import blank_page
from bench.report.tables import build
from tests.made_exact import exact_row, exact_tables
from tests.made_run import N, records


def table_of(**changes):
    [table] = build([replace(found, **changes) for found in records()], [])
    return table


def test_a_figure_says_what_it_is_about():
    assert caption(table_of()) == f"suite linear; n = {N} images of tiny; σ = 0.1; prior net"
    [table] = exact_tables(exact_row("dps", 6, prior="gaussian"))
    assert "n = 6 problems" in caption(table)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sigma": None}, "noise not known"),
        ({"sigma": None, "noise": {"kind": "poisson", "rate": 1.0}}, "poisson noise rate 1"),
        ({"told": {"sigma": 0.2}}, "σ = 0.1 (solvers are told σ = 0.2)"),
    ],
)
def test_noise_in_words(changes, text):
    assert noise(table_of(**changes)) == text


def test_panels_share_what_is_equal_and_say_what_differs():
    one, other = table_of(), table_of(sigma=0.5)
    shared, own = captions([[one], [other]])
    assert shared == f"suite linear; n = {N} images of tiny; prior net" and own == ["σ = 0.1", "σ = 0.5"]
    shared, own = captions([[one, other], [one]])
    assert own == ["σ = 0.1, 0.5, 2 tasks pooled", "σ = 0.1"] and "prior net" in shared


@pytest.mark.parametrize("title", ["short", "a title that is longer than its page is wide " * 3])
def test_titles_fit(title):
    page = blank_page(4, 3)
    head(page, title)
    box = page.texts[0].get_window_extent()
    assert box.x1 <= 4 * page.dpi and (page.texts[0].get_fontsize() == TITLE) == (title == "short")


def test_lines_fit_their_width():
    text = "wide words of a long caption " * 12
    page = blank_page(5, 3)
    write(page, fold(text, 4.8), 0.1, 0.1)
    page.draw_without_rendering()
    assert len(page.texts) > 2 and max(t.get_window_extent().x1 for t in page.texts) <= 5 * page.dpi
