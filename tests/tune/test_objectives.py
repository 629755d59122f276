"""Scores of candidates from their records."""

import pytest

from bench.suites.yamlfile import SuiteError
from bench.tune.objectives import OBJECTIVES, Score, objectives, score
from tests.made_run import record


def made(*metrics):
    return [
        record("best", i, metrics=one, unavailable={"lpips": "no weights"}) for i, one in enumerate(metrics)
    ]


def test_scores_are_means_over_images_and_medians_over_problems():
    records = made({"psnr": 10.004, "mmd": 1.0}, {"psnr": 20.0, "mmd": 9.0}, {"psnr": 30.0, "mmd": 2.0})
    assert score(records, OBJECTIVES["psnr"]) == Score(20.0)
    assert score(records, OBJECTIVES["mmd"]) == Score(2.0)
    lost = [*records, record("best", 3, status="diverged", metrics={})]
    assert score(lost, OBJECTIVES["psnr"]) == score([], OBJECTIVES["psnr"]) == Score(None)
    with pytest.raises(SuiteError, match="task 'blur' has no lpips: no weights; choose another"):
        score(records, OBJECTIVES["lpips"])


def test_those_that_fit_y_come_first_and_lost_ones_last():
    constrained = OBJECTIVES["psnr-misfit"]
    fits = score(made({"psnr": 20.0, "misfit": 1.05}), constrained)
    worse = score(made({"psnr": 19.0, "misfit": 0.9}), constrained)
    beyond = score(made({"psnr": 40.0, "misfit": 1.3}), constrained)
    far = score(made({"psnr": 50.0, "misfit": 3.0}), constrained)
    assert (fits.excess, beyond.excess) == (0, 0.2)
    ranked = sorted([far, Score(None), worse, beyond, fits], key=lambda one: one.rank(constrained))
    assert ranked == [fits, worse, beyond, far, Score(None)]
    lpips = OBJECTIVES["lpips"]
    assert Score(0.1).rank(lpips) < Score(0.2).rank(lpips)


def test_an_unknown_objective_is_named():
    assert [o.name for o in objectives(["lpips", "psnr", "lpips"])] == ["lpips", "psnr"]
    with pytest.raises(SuiteError, match=r"--objective pnsr: unknown objective \(did you mean 'psnr'\?\)"):
        objectives(["pnsr"])
