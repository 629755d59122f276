"""Samples of one problem are scored as a set."""

import math

import numpy as np
import pytest
import torch

from bench.exact import distances
from bench.exact.distances import draw
from bench.exact.distances.stein import learned_score, median_square, stein_discrepancy
from bench.exact.problems import ExactImages
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.plan.task import Task
from bench.records.journal import read_records
from bench.report import render
from bench.run.inputs import measure
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.run.score_samples import as_samples, divergence, errors, without_posterior
from bench.run.solve import Outcome
from bench.suites.suite import load_suite
from tests.tiny import build

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


def given(operator="inpaint_random", **params):
    """Samples and a measurement of a Gaussian image, whose denoiser stands for a network here."""
    data = ExactImages("exact-gaussian16")
    measured = measure(Task("half", data.name, operator, 0.1, params), data, data.ids[:1])
    return draw(data.prior, 9, "samples").reshape(9, 1, 16, 16), data.prior, measured


def test_a_network_and_the_truth_are_all_that_samples_need(monkeypatch):
    x, prior, measured = given(p=0.5)
    found = without_posterior(x, prior, measured)
    flat, truth = x.flatten(1), measured.x.flatten()
    claimed = flat.var(0).sum() * 10 / 9
    assert found["calibration"] == pytest.approx(((flat.mean(0) - truth).square().sum() / claimed).item())
    score = learned_score(x, prior, measured.measurement).flatten(1)
    ksd = stein_discrepancy(flat, score, median_square(flat))
    assert found["ksd"] == pytest.approx(ksd, rel=1e-9), "also in parts of eight"
    assert set(found) == {"psnr_sample", "psnr_mean", "calibration", "ksd"}


def test_samples_without_spread_or_gradient_have_no_discrepancy():
    x, prior, measured = given(p=0.5)
    equal = without_posterior(x[:1].expand(9, -1, -1, -1), prior, measured)
    assert "ksd" not in equal and equal["calibration"] == math.inf
    assert "ksd" not in without_posterior(x, *given("quantise", bits=1)[1:])


def test_sets_of_samples_under_a_network_run_and_have_a_page(tmp_path):
    """A network has no exact posterior: its score and the truth are left, and nothing is ranked."""
    text = build(tmp_path / "tiny").read_text().split("tasks:")[0] + (
        "samples_per_problem: 4\ntasks:\n  - {name: box, operator: inpaint_box, sigma: 0.05}\n"
        "solvers:\n  - {solver: pinv}\n  - {solver: exact}\n  - {solver: prior, params: {steps: 2}}\n"
    )
    (tmp_path / "sets.yaml").write_text(text.replace("images: 4", "images: 6"))
    plan = prepare(load_suite(str(tmp_path / "sets.yaml")), Options())
    assert Runner(plan, tmp_path / "run", Observer()).run() == {"ok": 12, "skipped": 1}
    page, *_ = render(tmp_path / "run", tmp_path / "report", ["md"])
    page = page.read_text()
    assert "| score-KSD ↓ | NFE | box |" in page and "the network's score and the truth only" in page


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
