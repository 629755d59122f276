"""The tables that the verbs print."""

import math
from dataclasses import replace
from types import SimpleNamespace

from bench.cli.tables import (
    COLUMNS,
    SET_COLUMNS,
    below_baseline,
    forecast_table,
    middle,
    repeat_table,
    score_table,
    short,
)
from bench.verify.repeat import Repeat
from tests.made_run import record


def cell(label, task="blur", samples_per_problem=1, reason=None):
    return SimpleNamespace(
        id=label,
        label=label,
        task=SimpleNamespace(name=task),
        samples_per_problem=samples_per_problem,
        reason=reason,
    )


def scored(label, status="ok", psnr=20.0, **changes):
    made = record("pinv", 0, psnr=psnr, cell=label, nfe=10, seconds=0.5)
    return replace(made, status=status, **changes)


def test_scores_are_means_over_what_is_done_and_the_rest_is_told():
    cells = [cell("a"), cell("long"), cell("none"), cell("not", task="sets", samples_per_problem=4)]
    records = [scored("a"), scored("a", psnr=21.0), scored("a", "diverged", reason="not finite")]
    records += [scored("a", "failed", reason="x"), scored("a", "failed", reason="y")]
    records += [scored("long", "skipped", reason="no gradient")]
    assert score_table(cells, records).splitlines() == [
        "blur",
        "          n    PSNR    SSIM   LPIPS    NFE  s/image",
        "  a       2   20.50       -       -     10      0.5  1 diverged: not finite  2 failed: x",
        "  long    0  skipped: no gradient",
        "  none    0  nothing yet",
        "",
        "sets, medians",
        "          n     MMD   var A   var 0   calib    NFE  s/image",
        "  not     0  nothing yet",
    ]


def test_a_row_below_the_baseline_is_said():
    """Over the images of both, and within a task."""
    cells = [cell("good"), cell("bad"), cell("pinv"), cell("other", task="box")]
    for one in cells:
        one.solver = SimpleNamespace(baseline=one.label == "pinv")
    psnrs = {"good": (21, 23), "bad": (19, 18), "pinv": (20, 22, 1), "other": (1, 1)}
    records = []
    for label, values in psnrs.items():
        records += [scored(label, psnr=value, image=f"{i}") for i, value in enumerate(values)]
    assert list(below_baseline(cells, records)) == [
        "warning: blur: bad: PSNR 18.50 dB is below pinv's 21.00 on the same images: "
        "prior or settings do not fit"
    ]


def test_a_mean_leaves_no_record_out_silently():
    known = [scored("a", psnr=20.0), scored("a", psnr=22.0)]
    assert middle(known, COLUMNS[0]) == "21.00"
    assert middle([*known, scored("a", psnr=math.inf)], COLUMNS[0]) == "inf"
    assert middle([*known, replace(scored("a"), metrics={"psnr": None})], COLUMNS[0]) == "(21.00)"


def test_sets_of_samples_have_medians_as_in_reports():
    of_sets = [replace(scored("a"), metrics={"mmd": value}) for value in (0.1, 0.2, 9.0)]
    assert middle(of_sets, SET_COLUMNS[0]) == "0.200"


def test_a_repetition_says_what_differs():
    same = Repeat("blur", "dps", 3, (), {"psnr": (0.0, 0.004)}, None)
    other = Repeat("box", "ddrm-20", 1, ("y", "nfe"), {"psnr": (1.0, 2.0), "ssim": (0.5, 0.5)}, True)
    assert repeat_table([same, other]).splitlines() == [
        "                n    PSNR median, max    SSIM median, max",
        "blur  dps       3           0   0.004                   -  reproduced",
        "box   ddrm-20   1           1       2         0.5     0.5  differs: y, nfe, other code",
    ]


def forecast(label, done=0, missing=8, nfe=20.0, seconds=0.5, reason=None):
    made = cell(label, reason=reason)
    return SimpleNamespace(cell=made, done=done, missing=missing, nfe=nfe, seconds=seconds)


def test_a_forecast_adds_up_what_is_known():
    rows = [forecast("a"), forecast("b", done=8, missing=0), forecast("c", reason="no gradient")]
    lines = forecast_table(rows).splitlines()
    assert lines[0] == "task  row  done  missing    NFE  s/image  time"
    assert lines[1] == "blur  a     0        8     20      0.5  4 s"
    assert lines[2].rstrip() == "blur  b     8        0     20"
    assert lines[3] == "blur  c  skipped: no gradient"
    assert lines[4] == "8 reconstructions missing, 8 done; about 4 s of solver time"
    lines = forecast_table([*rows, forecast("d", nfe=None, seconds=None)]).splitlines()
    assert lines[4].split()[:6] == ["blur", "d", "0", "8", "?", "?"]
    assert lines[-1] == "16 reconstructions missing, 8 done; about 4 s and what is marked ? of solver time"


def test_seconds_have_three_digits_and_no_powers_of_ten():
    assert [short(s) for s in (1234.5, 12.345, 0.00123456, 1e-5)] == ["1234", "12.3", "0.00123", "<0.001"]
