"""Variance between images, and the solver's own."""

import numpy as np
import pytest

from bench.report.columns import KNOWN
from bench.report.rows import Row
from bench.report.samples.components import components, remarks
from bench.report.tables import build
from tests.made_run import N, record

RNG = np.random.default_rng


def row(values):
    """A row of scores, (images, samples)."""
    made = []
    for i, group in enumerate(values):
        for k, psnr in enumerate(group):
            made.append(record("best", 0, psnr=psnr, image=f"{i}", sample=k, key=f"{i} {k}"))
    return Row("best", tuple(made))


def test_components_are_those_that_made_the_scores():
    """Images vary by 3, samples by 1: known to a few per cent over many images."""
    rng = RNG(0)
    found = components(row(3 * rng.normal(size=(600, 1)) + rng.normal(size=(600, 2))), "psnr")
    assert (found.k, found.between, found.within) == (2, pytest.approx(3, rel=0.1), pytest.approx(1, rel=0.1))
    assert found.share == pytest.approx(0.1, abs=0.02)


def test_images_that_are_alike_have_no_component():
    """What samples add to the means is taken off, and never below 0."""
    assert components(row(RNG(2).normal(size=(50, 4))), "psnr").between < 0.35
    assert components(row([[1.0], [2.0]]), "psnr") is None


def test_images_with_one_sample_do_not_enter_and_are_counted():
    """As where a number of samples was raised and the run is not over."""
    made = [record("best", i, sample=k, psnr=i + k) for i in range(N) for k in (0, 1) if k == 0 or i < 3]
    (table,) = build(made, [])
    assert components(table.rows[0], "psnr").images == 3
    assert remarks(table, KNOWN[0])[0].endswith(f"2 samples, on 3 of {N} images.")


def test_what_is_known_of_each_row_is_said():
    """Two samples of one row, equal ones of another, one of the third; baselines are left out."""
    made = [record("best", i, sample=k, psnr=i + k / 10) for i in range(N) for k in (0, 1)]
    made += [record("same", i, sample=k, psnr=i) for i in range(N) for k in (0, 1)]
    made += [record("worse", i) for i in range(N)]
    made += [record("pinv", i, baseline=True) for i in range(N)]
    first, second = remarks(build(made, [])[0], KNOWN[0])
    assert "`best` 3.61 and 0.07 (0 % of the variance), 2 samples; " in first
    assert "`same` 3.61, deterministic (its 2 samples are equal)." in first
    assert second.startswith("One sample of each image (`worse`): ") and "pinv" not in first + second
