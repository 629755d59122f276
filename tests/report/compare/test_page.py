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


def test_a_metric_of_fewer_images_says_of_how_many():
    a = Row("r", (make(0, metrics={"psnr": 20.0, "ssim": 0.5}), make(1, metrics={"ssim": 0.5})))
    b = Row("r", (make(0, metrics={"psnr": 21.0, "ssim": 0.6}), make(1, metrics={"ssim": 0.7})))
    only = [Row("s", (make(0, label="s", metrics={"ssim": value}),)) for value in (0.5, 0.6)]
    found = compare([Pair("t", "T", "r", a, b), Pair("t", "T", "s", *only)], KNOWN[:2])
    side = Side("a", (), ())
    lines = page(side, side, found, KNOWN[:2], False).splitlines()
    head, first, second = (
        next(line for line in lines if line.startswith(f"| {name} |")) for name in ("Row", "r", "s")
    )
    assert head.endswith("| moved by PSNR |")
    assert first.startswith("| r | 2 |") and "not\xa0shown,\xa01\xa0image<" in first and "1 of 1" in first
    assert second.startswith("| s | 1 | – |") and second.endswith("| – |")
