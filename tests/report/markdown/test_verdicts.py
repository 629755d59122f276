"""What stands below a table: a sentence, the power, and places in the table."""

import numpy as np

from bench.report.columns import Column
from bench.report.markdown.verdicts import compared, place, said, shown
from bench.report.scores import Score
from bench.report.verdicts import Verdict, decide
from tests.made_run import numbers

PSNR = Column("PSNR", 2, True, name="psnr")
SSIM = Column("SSIM", 3, True, name="ssim")
TOP1 = Column("top-1 %", 1, True, scale=100.0, name="top1")


def verdicts(scale=1.0, n=20):
    rng = np.random.default_rng(0)
    rows = {name: {f"{i}": scale * float(v) for i, v in enumerate(rng.normal(size=n))} for name in "ab"}
    return {column.name: decide(rows, column) for column in (PSNR, SSIM, TOP1)}


def test_every_compared_metric_says_what_would_be_seen():
    found = verdicts(scale=0.01)
    seen = found["top1"].seen
    sentence, power = shown(found, [PSNR, SSIM, TOP1])
    assert sentence.startswith("**PSNR**: `") and "cannot be separated at n = 20" in sentence
    assert f"{100 * seen:.1f} in top-1 %" in power, "in printed units"
    assert power.endswith("≈: within 0.10 dB, 0.005 in SSIM."), "top-1 has no margin"


def test_nothing_compared_is_said_too():
    few = verdicts(n=5)
    assert compared(few, [PSNR, SSIM]) == [] and shown(few, [PSNR]) == []
    alone = {"psnr": decide({"a": dict.fromkeys("012345", 1.0)}, PSNR)}
    assert shown(alone, [PSNR]) == ["**PSNR**: Only `a` can be ranked: there is nothing to compare it with."]
    assert said(["x ", {"row": "a|b"}]) == "x `a\\|b`"


def test_places_are_in_the_table(rendered):
    assert [place(Score(None, verdict=Verdict("tie", places, None))) for places in ((1, 1), (2, 4))] == [
        "1",
        "2–4",
    ]
    assert place(Score(None)) == "–"
    _, out, page, rows = rendered
    assert numbers(out) == rows and "| place by PSNR |" in page
    assert (rows["worse"]["psnr_first"], rows["worse"]["psnr_last"], rows["pinv"]["psnr_first"]) == (
        "3",
        "3",
        "",
    )
    assert rows["worse"]["psnr_seen"] == rows["best"]["psnr_seen"] != ""
