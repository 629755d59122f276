"""Changes image by image."""

import math
from dataclasses import replace

import pytest

from bench.report.columns import KNOWN
from bench.report.compare.changes import compare, means
from bench.report.compare.sides import Pair
from bench.report.rows import Row
from tests.made_record import make

PSNR = KNOWN[0]
MISFIT = next(column for column in KNOWN if column.name == "misfit")


def row(values, **about):
    return Row("r", tuple(make(i, metrics={"psnr": value}, **about) for i, value in enumerate(values)))


def change(a, b, column=PSNR):
    (found,) = compare([Pair("t", "T", "r", row(a), row(b))], [replace(column, name="psnr")])
    return found.changes["psnr"]


def test_a_verdict_needs_an_interval_that_excludes_zero():
    base = [20.0 + i for i in range(12)]
    better = [value + 1 + i % 2 / 10 for i, value in enumerate(base)]
    assert change(base, better).verdict == "better" and change(better, base).verdict == "worse"
    assert change(base, better, MISFIT).verdict == "higher"
    noisy = [value + (-1) ** i for i, value in enumerate(base)]
    assert change(base, noisy).verdict == "not shown" and change(base, base).verdict == "equal"
    assert change(base[:3], better[:3]).verdict == "not shown", "three images show nothing"


def test_infinite_scores_are_equal_to_themselves_and_beyond_others():
    same = change([math.inf] * 8, [math.inf] * 8)
    assert same.verdict == "equal" and same.delta.mean == 0 and not same.moved
    exact = change([20.0 + i for i in range(8)], [math.inf] * 8)
    assert exact.delta.mean == math.inf and exact.verdict == "better" and len(exact.moved) == 8


def test_moved_images_come_largest_first_and_by_the_printed_unit():
    found = change([20.0] * 6, [20.004, 20.006, 19.0, 20.0, 21.5, 20.0])
    assert [image for image, _ in found.moved] == ["im4", "im2", "im1"]


def test_images_that_are_others_are_not_paired_and_other_measurements_are_told():
    a, b = row([1.0, 2.0], image_sha256="x"), row([1.0, 2.0], image_sha256="z", y_hash="w")
    (found,) = compare([Pair("t", "T", "r", a, b)], [PSNR])
    assert found.changes == {} and found.other_x == found.other_y == ("im0", "im1")


def test_a_row_beside_several_is_compared_with_each_over_all_images_of_both():
    """Some images of the first row are not there: that is nothing of the second one."""
    base, other = row([20.0 + i for i in range(8)]), row([21.0 + i for i in range(8)])
    pairs = [Pair("t", "T", "half", base, row([19.0, 20.0])), Pair("t", "T", "whole", base, other)]
    half, whole = compare(pairs, [PSNR])
    assert means(half.changes["psnr"]) == (20.5, 19.5) and means(whole.changes["psnr"]) == (23.5, 24.5)
    assert whole.changes["psnr"].delta.n == 8 and len(base.scores("psnr")) == 8


@pytest.mark.parametrize(("planned", "lost", "missing"), [(("im0", "im1"), ("im1",), ()), ((), (), ("im1",))])
def test_an_image_is_lost_only_where_it_was_asked_for(planned, lost, missing):
    (found,) = compare([Pair("t", "T", "r", row([1.0, 2.0]), replace(row([1.0]), planned=planned))], [PSNR])
    assert (found.lost, found.missing) == (lost, missing) and found.is_changed
