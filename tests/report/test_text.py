"""Values as text, and the parts of Markdown."""

import pytest

from bench.report.text import (
    citation,
    code,
    escape,
    one_line,
    parameters,
    plain,
    seconds,
    table_head,
    table_line,
)


def test_papers_become_links():
    assert citation("2209.14687") == "[arXiv:2209.14687](https://arxiv.org/abs/2209.14687)"
    assert (
        citation("openreview:9_gsMA8MRKQ")
        == "[openreview:9_gsMA8MRKQ](https://openreview.net/forum?id=9_gsMA8MRKQ)"
    )
    assert citation("my *own* thesis") == r"my \*own\* thesis"


def test_markdown_shows_text_as_it_is():
    assert escape("a|b\n *c* _d_ e_f [g] `h`") == r"a\|b \*c\* \_d\_ e_f \[g\] \`h\`"
    assert escape("x" * 400) == "x" * 299 + "…"
    assert code("a`b|c") == "`a'b\\|c`"
    assert escape("$x_1$ & $y$") == r"\$x_1\$ & \$y\$", "no formula, as GitHub would read it"


def test_a_name_with_a_blank_line_cannot_end_its_paragraph():
    """What follows would be Markdown, or HTML."""
    for text in ("a\n\n<script>", "a\r\r<script>", "a\x0b<script>", "a\u2029<script>", "a \x1b <script>"):
        assert code(text) == "`a <script>`" and one_line(text) == "a <script>"
    assert one_line("σ = 0.1 ⁼≈ x\u00a0y") == "σ = 0.1 ⁼≈ x y"


def test_a_cell_stays_on_its_line():
    assert table_line(["a\n  b", 1]) == "| a b | 1 |"
    assert table_head(["a", "b", "c"]) == ["| a | b | c |", "|:--|--:|--:|"]


def test_parameters_at_none_are_not_shown():
    assert (
        parameters({"std": 1.0, "mode": "a_", "taps": None, "sides": [2, 3]})
        == r" (std 1, mode a\_, sides \[2,3\])"
    )
    assert parameters({"taps": None}) == "" and plain(0.1) == "0.1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0004, "<0.001"), (0.012, "0.0120"), (99.94, "99.9"), (99.96, "100"), (1234.5, "1234")],
)
def test_seconds_have_three_digits_and_no_exponent(value, text):
    assert seconds(value) == text
