"""Scores of candidates from their records."""

import math

import pytest

from bench.suites.yamlfile import SuiteError
from bench.tune.objectives import OBJECTIVES, CandidateScore, objectives, score
from tests.made_run import record


def made(*metrics):
    return [
        record("best", i, metrics=one, unavailable={"lpips": "no weights"}) for i, one in enumerate(metrics)
    ]


def test_scores_are_means_over_images_and_medians_over_problems():
    records = made({"psnr": 10.004, "mmd": 1.0}, {"psnr": 20.0, "mmd": 9.0}, {"psnr": 30.0, "mmd": 2.0})
    assert score(records, OBJECTIVES["psnr"]) == CandidateScore(20.0)
    assert score(records, OBJECTIVES["mmd"]) == CandidateScore(2.0)
    lost = [*records, record("best", 3, status="diverged", metrics={})]
    assert score(lost, OBJECTIVES["psnr"]) == score([], OBJECTIVES["psnr"]) == CandidateScore(None)
    with pytest.raises(SuiteError, match="task 'blur' has no lpips: no weights; choose another"):
        score(records, OBJECTIVES["lpips"])


def test_those_that_fit_y_come_first_and_lost_ones_last():
    constrained = OBJECTIVES["psnr-misfit"]
    fits = score(made({"psnr": 20.0, "misfit": 1.05}), constrained)
    worse = score(made({"psnr": 19.0, "misfit": 0.9}), constrained)
    beyond = score(made({"psnr": 40.0, "misfit": 1.3}), constrained)
    far = score(made({"psnr": 50.0, "misfit": 3.0}), constrained)
    assert (fits.excess, beyond.excess) == (0, 0.2)
    ranked = sorted([far, CandidateScore(None), worse, beyond, fits], key=lambda one: one.rank(constrained))
    assert ranked == [fits, worse, beyond, far, CandidateScore(None)]
    lpips = OBJECTIVES["lpips"]
    assert CandidateScore(0.1).rank(lpips) < CandidateScore(0.2).rank(lpips)


def test_an_unknown_objective_is_named():
    assert [o.name for o in objectives(["lpips", "psnr", "lpips"])] == ["lpips", "psnr"]
    with pytest.raises(SuiteError, match=r"--objective pnsr: unknown objective \(did you mean 'psnr'\?\)"):
        objectives(["pnsr"])


def test_what_is_no_number_is_lost_and_what_is_infinite_is_not():
    """A record keeps NaN as null. An exact reconstruction has an infinite PSNR."""
    psnr, constrained = OBJECTIVES["psnr"], OBJECTIVES["psnr-misfit"]
    assert score(made({"psnr": math.inf}, {"psnr": 20.0}), psnr) == CandidateScore(math.inf)
    lost = [{"psnr": None}], [{"psnr": math.nan}, {"psnr": 1.0}], [{"psnr": math.inf}, {"psnr": -math.inf}]
    for metrics in (*lost, [{"psnr": 1.7e308}, {"psnr": 1.7e308}]):
        assert score(made(*metrics), psnr) == CandidateScore(None)
    unfit = made({"psnr": 30.0, "misfit": None})
    assert score(unfit, constrained) == CandidateScore(None)
    assert score(made({"psnr": 30.0, "misfit": math.inf}), constrained) == CandidateScore(30.0, math.inf)
    assert score(made({"mmd": None}, {"mmd": 1.0}), OBJECTIVES["mmd"]) == CandidateScore(None)
