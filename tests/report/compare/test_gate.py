"""Gates: which changes pass."""

import pytest

from bench.report.columns import KNOWN
from bench.report.compare.changes import compare
from bench.report.compare.gate import Gate, failures, read_gate
from bench.report.compare.sides import Pair
from bench.report.rows import Row
from tests.made_record import make


def lost(gate, a, b, metric="psnr"):
    rows = [Row("r", tuple(make(i, metrics={metric: v}) for i, v in enumerate(values))) for values in (a, b)]
    return list(failures(gate, compare([Pair("t", "T", "r", *rows)], KNOWN), KNOWN))


def test_the_bound_itself_passes_and_more_does_not():
    assert not lost(Gate("psnr", -0.5), [20.0, 21.0], [19.5, 20.5])
    assert lost(Gate("psnr", -0.5), [20.0, 21.0], [19.0, 20.5]) == [
        "T: r: PSNR changed by −0.75, beyond -0.5"
    ]
    assert not lost(Gate("psnr", 0.0), [20.0], [25.0]) and lost(Gate("psnr", 0.0), [20.0], [19.0])
    assert lost(Gate("lpips", 0.01), [0.1], [0.2], "lpips") and not lost(
        Gate("lpips", 0.01), [0.2], [0.1], "lpips"
    )
    assert lost(Gate("top1", -1.0), [0.5], [0.48], "top1"), "a bound is in the unit of the table, per cent"


def test_what_cannot_be_compared_does_not_pass():
    assert lost(Gate("ssim", -0.1), [1.0], [1.0]) == ["T: r: no SSIM on both sides"]
    gone = compare([Pair("t", "T", "r", Row("r", (make(),)), None)], KNOWN)
    assert list(failures(Gate("psnr", -1.0), gone, KNOWN)) == ["T: r: the row is gone"]
    assert list(failures(Gate("psnr", -1.0), [], KNOWN)) == ["nothing to compare"]


@pytest.mark.parametrize("text", ["psnr", "psnr:", ":1", "psnr:nan", "psnr:x"])
def test_a_gate_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match=f"--gate {text}: "):
        read_gate(text)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (Gate("fid", 1.0), "of a whole set of images"),
        (Gate("psnt", 1.0), "did you mean 'psnr'"),
        (Gate("psnr", 1.0), "PSNR may fall: give the bound the other sign"),
        (Gate("misfit", 0.0), "misfit has no direction"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(gate, message):
    with pytest.raises(ValueError, match=message):
        lost(gate, [1.0], [1.0])
