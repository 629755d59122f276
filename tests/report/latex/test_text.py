"""What LaTeX shows of a text; that a real engine takes it is tested with the document."""

import pytest

from bench.report.latex.text import escape, number


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("50% of $x_1^2$ & #2", r"50\% of \$x\_1\textasciicircum{}2\$ \& \#2"),
        ("a---b", "a-{}-{}-b"),
        ("[1] *x*", "{[}1{]} {*}x{*}"),
        ("σ = 2 × π\nend", r"$\sigma$ = 2 $\times$ $\pi$ end"),
        ("Füßler 中\x07", "Füßler {[}U+4E2D{]}{[}U+0007{]}"),
    ],
)
def test_texts_are_shown_as_they_are(text, shown):
    assert escape(text) == shown


def test_numbers_have_a_minus_sign_and_infinity():
    assert number("−1.20") == "$-$1.20" and number("∞") == r"$\infty$"
