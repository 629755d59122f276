"""Samples of one problem are scored as a set."""

import math

import numpy as np
import pytest
import torch

from bench.exact import distances
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.run.score_samples import as_samples, divergence, errors
from bench.run.solve import Outcome
from bench.suites.suite import load_suite

SUITE = """\
name: small
dataset: exact-mixture8
prior: exact-mixture8
images: 2
samples_per_problem: 20
tasks:
  - {name: m2, operator: random_matrix, params: {m: 2}, sigma: 0.2}
solvers:
  - {solver: exact}
"""


def test_samples_that_cannot_be_scored_are_recorded(tmp_path, monkeypatch):
    (tmp_path / "small.yaml").write_text(SUITE)
    plan = prepare(load_suite(str(tmp_path / "small.yaml")), Options())
    first, score = [], distances.score

    def short(samples, problem):
        first.append(problem)
        if len(first) == 1:
            raise MemoryError
        return score(samples, problem)

    monkeypatch.setattr(distances, "score", short)
    counts = Runner(plan, tmp_path / "out", Observer()).run()
    assert counts == {"out_of_memory": 1, "ok": 1}
    [reason] = {r.reason for r in read_records(tmp_path / "out")[0] if r.status == "out_of_memory"}
    assert reason.startswith("scoring (distances to the posterior): MemoryError (test_score_samples.py:")


def outcome(diverged, shape=(2, 3, 4)):
    nfe, vjps, calls = (np.array(rows, dtype=float) for rows in ([12, 6], [4, 2], [3, 3]))
    return Outcome(
        torch.zeros(shape), diverged, 5, nfe, vjps, calls, 6.0, None, {"moves": np.array([1.0, 3.0])}
    )


def test_costs_become_those_of_a_sample():
    """Two rows of three particles are six samples: each costs a third of a row."""
    samples = as_samples(outcome([None, None]), 6, (4,))
    assert samples.x.shape == (6, 4) and samples.seconds == 2.0
    assert (samples.nfe, samples.vjps, samples.operator_calls) == ([3], [1], [1])
    assert samples.notes["moves"] == [2], "the mean of the rows"


def test_one_sample_that_is_not_finite_is_told():
    assert divergence(outcome([None, None])) is None
    assert divergence(outcome([7, 3])) == "2 of 2 samples not finite, the first at step 3"


def test_the_mean_of_samples_is_nearer_than_one_of_them():
    x, gap = torch.zeros(3), torch.tensor([[1.0], [-1.0]]).expand(2, 3)
    assert errors(gap, x) == {"rmse_sample": 1.0, "rmse_mean": 0.0}
    image = torch.full((2, 1, 4, 4), 0.2)
    values = errors(image, torch.zeros(1, 4, 4))
    assert values == pytest.approx(dict.fromkeys(("psnr_sample", "psnr_mean"), 20.0), rel=1e-6)
    assert math.isinf(errors(torch.zeros(2, 1, 4, 4), torch.zeros(1, 4, 4))["psnr_mean"])
