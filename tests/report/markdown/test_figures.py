"""Figures on a page: the picture, where its numbers stand, links to other files."""

import pytest

from bench.report.markdown.figures import OF_TASK, figure, of_task
from bench.report.tables import build
from tests.made_run import records


@pytest.mark.parametrize(
    ("files", "picture", "links"),
    [
        (["a.png"], "![T](a.png)", ""),
        (["a.png", "a.svg", "a.pdf"], "![T](a.png)", " T: [svg](a.svg), [pdf](a.pdf)."),
        (["a.svg"], "![T](a.svg)", ""),
        (["a.pdf", "a.png"], "![T](a.png)", " T: [pdf](a.pdf)."),
        (["a.pdf"], None, " T: [pdf](a.pdf)."),
    ],
)
def test_a_page_shows_what_it_can_and_links_to_the_rest(files, picture, links):
    expected = [picture] if picture else []
    assert figure("a", "T", "Numbers: there.", {"a": files}) == [
        *expected,
        f"<sub>Numbers: there.{links}</sub>",
    ]
    assert figure("b", "T", "", {"a": files}) == []


@pytest.mark.parametrize("kind", OF_TASK)
def test_every_figure_of_a_task_says_where_its_numbers_are(kind):
    [table] = build(records(), [])
    shown, note = of_task(kind, table, {f"{kind}_blur": [f"{kind}_blur.png"]})
    assert shown.endswith(f": blur]({kind}_blur.png)") and "table" in note
