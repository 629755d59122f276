"""Pages and sheets of comparisons that are hostile."""

from bench.report.columns import KNOWN
from bench.report.compare.changes import compare
from bench.report.compare.page import page, rows_csv
from bench.report.compare.sides import Pair, Side
from bench.report.rows import Row
from tests.made_record import make


def test_names_are_escaped_and_no_formula():
    bad = "=cmd|<b>`x`"
    row = Row(bad, (make(0, label=bad),))
    found = compare([Pair("t", bad, bad, row, row)], KNOWN[:1])
    side = Side("a", (), ())
    text = page(side, side, found, KNOWN[:1], False)
    assert "<b>" not in text and "=cmd\\|\\<b\\>" in text
    assert b"'=cmd|<b>`x`" in rows_csv(side, side, found)
