"""Several samples of an image: calibrated samplers look calibrated, and others do not."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.report import render
from bench.report.samples.diversity import Spread, diversity, rank_shares
from tests.made_run import N, make_run, record

K, SIDE = 9, 64


def draws(seed, scale=1.0, shift=0.0):
    """K samples and a truth from the same law on each pixel, but for the samples' scale and shift."""
    rng = np.random.default_rng(seed)
    mean = rng.uniform(80, 170, (SIDE, SIDE))
    samples = mean + shift + scale * 20 * rng.standard_normal((K, SIDE, SIDE))
    truth = mean + 20 * rng.standard_normal((SIDE, SIDE))
    return (np.clip(np.rint(v), 0, 255).astype(np.uint8) for v in (samples, truth))


def test_exchangeable_samples_are_calibrated():
    found, shares = diversity(*draws(0))
    assert found["expected"] == pytest.approx(found["error"], rel=0.03)
    assert found["coverage"] == pytest.approx((K - 1) / (K + 1), abs=0.02)
    assert found["ranks"] < 0.03 and shares.sum() == pytest.approx(1)
    assert found["psnr"] < found["psnr_mean"]


@pytest.mark.parametrize(("scale", "shift", "sign"), [(0.3, 0, -1), (3.0, 0, 1), (1.0, 25, -1)])
def test_others_are_not(scale, shift, sign):
    """Too narrow, too wide, biased."""
    found, _ = diversity(*draws(1, scale, shift))
    nominal = (K - 1) / (K + 1)
    assert sign * (found["coverage"] - nominal) > 0.1
    assert sign * (found["expected"] / found["error"] - 1) > 0.2
    assert found["ranks"] > 0.15


def test_spread_over_error_is_unbiased_where_an_image_is_one_number():
    """Its pixels are equal, so its error varies as much as can be: the mean of the images' ratios is far
    above 1."""
    rng, images = np.random.default_rng(2), 400
    drawn = np.rint(127 + 20 * rng.standard_normal((images, 4, 1, 1))).clip(0, 255).astype(np.uint8)
    found = [diversity(one[:3], one[3])[0] for one in drawn]
    values = {name: [one[name] for one in found] for name in ("expected", "error")}
    mean, low, high, n = Spread(3, images, values, np.zeros(4)).interval("ratio")
    assert low < 1 < high and mean == pytest.approx(1, abs=0.1) and high - low < 0.3 and n == images
    assert np.mean(np.divide(values["expected"], np.maximum(values["error"], 0.5 / 255))) > 1.5


def test_ties_are_spread_over_the_ranks_that_they_allow():
    """An always black pixel says nothing about calibration: each rank gets its share."""
    assert rank_shares(np.zeros((4, 10), int), np.zeros(10, int)) == pytest.approx(np.full(5, 0.2))
    assert rank_shares(np.array([[1], [3], [3]]), np.array([3])) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])


def test_the_mean_is_that_of_the_samples():
    samples, truth = np.array([[[0]], [[100]]], np.uint8), np.array([[50]], np.uint8)
    found, _ = diversity(samples, truth)
    assert found["psnr_mean"] == pytest.approx(120)
    assert found["psnr"] == pytest.approx(-20 * np.log10(50 / 255))
    assert found["spread"] == pytest.approx(100 / 255 / 2**0.5)


@pytest.mark.long
def test_report_shows_diversity_only_where_all_samples_have_pictures(tmp_path):
    found = [record(row, i, sample=k) for row in ("best", "same") for i in range(N) for k in range(3)]
    folder = make_run(tmp_path / "run", found, pictures=N)
    page = render(folder, tmp_path / "out")[0].read_text()
    assert "diversity of 3 samples" in page and "| *best, best of 3*<br>" in page and "nominal 0.500" in page
    assert (tmp_path / "out" / "ranks_blur.png").exists()
    Image.open(tmp_path / "out" / "ranks_blur.png").verify()
    assert f"| {N} |" in page
    failed = replace(found[0], status="diverged", reason="not finite", metrics={})
    others = make_run(tmp_path / "others", [failed, *found[1:]], pictures=N)
    assert f"**{N - 1} of {N}**" in render(others, tmp_path / "out")[0].read_text()
    lost = next(r for r in found if r.label == "same")
    (folder / "objects" / lost.key[:2] / f"{lost.key}.png").unlink()
    page = render(folder, tmp_path / "out")[0].read_text()
    assert "pictures of some samples were not kept: same" in page
