"""Exact suites end to end: worlds, blocks of samples, anchors at the floor, and what the report says of
them."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from bench.exact.distances import draw, pose
from bench.exact.distances.metrics import BANDS
from bench.exact.problems import ExactImages, frequencies, hartley
from bench.plan.build import make_cells, prepare
from bench.plan.loading import DataAndPrior
from bench.plan.options import Options
from bench.plan.task import Task
from bench.records.journal import read_records
from bench.report import render
from bench.run.inputs import SampleNoise, measure
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.run.score_samples import bands, errors
from bench.suites.suite import SuiteError, load_suite

SUITE = """\
name: small
dataset: exact-mixture8
prior: exact-mixture8
images: 6
samples_per_problem: 60
tasks:
  - {name: m2, operator: random_matrix, params: {m: 2}, sigma: 0.2}
  - {name: m1, operator: random_matrix, params: {m: 1}, sigma: 0.2, images: 2, samples_per_problem: 30}
  - {name: image, dataset: exact-gaussian16, prior: exact-gaussian16, operator: sr_average4, sigma: 0.05,
     images: 2}
solvers:
  - {solver: exact}
  - {solver: oracle, params: {steps: 10}}
  - {solver: prior, params: {steps: 10}}
  - {solver: tds, params: {steps: 10, particles: 30}, tasks: ["m*"]}
  - {solver: mcg, params: {steps: 10, clip: false, zeta: 0.1}}
"""


def small(tmp_path, text=SUITE):
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return load_suite(str(path))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exact")
    plan = prepare(small(folder), Options())
    counts = Runner(plan, folder / "run", Observer()).run()
    return plan, counts, folder


@pytest.mark.long
def test_a_suite_runs_resumes_and_counts(run):
    plan, counts, folder = run
    assert counts == {"ok": 5 * (6 + 2) + 4 * 2}
    assert Runner(plan, folder / "run", Observer()).run() == {}
    records = read_records(folder / "run")[0]
    assert {(r.task, r.samples_per_problem, r.batch) for r in records} == {
        ("m2", 60, 60),
        ("m1", 30, 30),
        ("image", 60, 60),
    }
    nfe = {r.label: (r.nfe, r.vjps) for r in records if r.task == "m2"}
    assert nfe == {"exact": (0, 0), "oracle": (10, 0), "prior": (10, 0), "tds": (10, 10), "mcg": (10, 10)}
    assert len({r.y_hash for r in records if r.task == "m2"}) == 6, "rows see the same measurements"
    assert len({r.y_hash for r in records if r.task == "m2" and r.label != "mcg"}) == 6


@pytest.mark.long
def test_scores_tell_the_rows_apart(run):
    records = read_records(run[2] / "run")[0]

    def median(task, label, metric):
        return np.median([r.metrics[metric] for r in records if (r.task, r.label) == (task, label)])

    assert abs(median("m2", "exact", "mmd")) < 0.05 < 0.8 < median("m2", "prior", "mmd") < 1.3
    assert median("m2", "mcg", "var_ratio_measured") < 1e-6, "MCG pins the measured directions to y"
    assert median("image", "exact", "var_band_1") == pytest.approx(1, abs=0.15)
    assert median("image", "exact", "psnr_mean") > median("image", "exact", "psnr_sample") + 2


@pytest.mark.long
def test_shards_and_order_change_nothing(run, tmp_path):
    plan, _, folder = run
    for i in (2, 1):
        Runner(replace(plan, options=Options(shard=(i, 2))), tmp_path, Observer()).run()
    ours, theirs = (
        {r.key: r.metrics for r in read_records(place)[0]} for place in (tmp_path, folder / "run")
    )
    assert ours == theirs


@pytest.mark.long
def test_the_report_has_anchors_and_floor_and_ranks_solvers_only(run):
    _, _, folder = run
    page, *_ = render(folder / "run", folder / "report")
    text, table = page.read_text(), (folder / "report" / "exact.csv").read_text()
    assert {"variance_split.png", "variance_by_frequency.png", "psnr_vs_distance.png"} <= {
        p.name for p in page.parent.iterdir()
    }
    assert "At a glance" in text and "*exact*" in text and "*oracle*" in text
    assert "Fewer than 6 problems" in text, "two problems rank nothing"
    assert text.count("- Papers: ") == text.count("- Certified: ") == 1, "said once, not below each table"
    assert text.count("<br><sub>certified</sub> |") == 3 + 1, (
        "beside each row of a solver in its task, and in the overview"
    )
    lines = [line.split(",") for line in table.splitlines()[1:]]
    assert all(line[16] == "" for line in lines if line[7] == "True"), "anchors are never marked"
    floors = {line[5]: line[14] for line in lines if line[0] == "m2" and line[9] == "mmd"}
    assert (floors["exact"], floors["prior"], floors["mcg"]) == ("True", "False", "False")


@pytest.mark.long
def test_many_tasks_have_a_page_for_each_prior(run, monkeypatch):
    whole, *others = render(run[2] / "run", run[2] / "report", ["md"])
    text = whole.read_text()
    monkeypatch.setattr("bench.report.markdown.exact.ON_ONE_PAGE", 2)
    page, *own = render(run[2] / "run", run[2] / "report", ["md"])
    tasks = re.findall(r"(?m)^(## .*\n\n`[^\0]*?)\n\n(?=## )", text)
    assert not others and len(own) > 1 and len(tasks) == 3
    for path in own:
        assert f"]({path.name})" in page.read_text() and "](report.md)" in path.read_text()
    assert all(
        sum(task in path.read_text() for path in own) == 1 and task not in page.read_text() for task in tasks
    )


def test_a_block_that_is_not_finite_is_diverged(tmp_path):
    text = (
        SUITE.split("solvers:")[0].replace("images: 6", "images: 1")
        + "solvers:\n  - {solver: dps, params: {steps: 30, clip: false, step: squared, zeta: 1e12}}\n"
    )
    plan = prepare(small(tmp_path, text), Options())
    Runner(plan, tmp_path / "run", Observer()).run()
    record = next(r for r in read_records(tmp_path / "run")[0] if r.task == "m2")
    assert record.status == "diverged"
    assert record.reason.startswith("60 of 60 samples not finite, the first at step ")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "samples_per_problem: 60",
            "samples: 1",
            "'exact-mixture8' holds vectors, which have no image metrics; set `samples_per_problem`",
        ),
        (
            "prior: exact-mixture8\n",
            "prior: exact-quarter8\n",
            "needs data drawn from a prior in closed form",
        ),
        ("sigma: 0.2}\n", "sigma: 0}\n", "samples_per_problem = 60 needs noise: without it y has no score"),
        (
            "particles: 30",
            "particles: 7",
            "row 'tds': 7 particles do not divide the 60 samples per problem of task 'm2'; choose a number "
            "that does, such as 6",
        ),
        ('tasks: ["m*"]', 'tasks: ["x*"]', "unknown task 'x*'"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, old, new, message):
    with pytest.raises(SuiteError, match=message.replace("*", r"\*")):
        prepare(small(tmp_path, SUITE.replace(old, new)), Options())


def test_keys_of_single_samples_know_no_block(tmp_path):
    image = ExactImages("exact-gaussian16")
    text = (
        SUITE.replace("samples_per_problem: 60\n", "")
        .replace(", samples_per_problem: 30", "")
        .replace("exact-mixture8", "exact-gaussian16")
    )
    text = text.replace("random_matrix, params: {m: 2}", "inpaint_box").replace(
        "random_matrix, params: {m: 1}", "denoise"
    )
    cells = make_cells(
        small(tmp_path, text), lambda _: DataAndPrior(image, image.prior), {"dtype": "float32"}
    )
    assert all("block" not in cell.config for cell in cells)
    assert "block" in prepare(small(tmp_path), Options()).cells[0].config


def test_rows_of_a_block_do_not_depend_on_its_size():
    few, many = (SampleNoise(1, 2, n, torch.float64, "cpu") for n in (3, 50))
    for draw_ in (lambda noise: noise.new((2, 3)), lambda noise: noise.uniform(())):
        a, b = draw_(few), draw_(many)
        assert torch.equal(a, b[:3])
        assert len(b.unique()) == b.numel(), "no number is dealt twice"
    assert torch.equal(few[1:].new((5,)), many.new((5,))[1:3])
    other = SampleNoise(1, 9, 3, torch.float64, "cpu")
    start = SampleNoise(1, 2, 3, torch.float64, "cpu")
    assert torch.equal(other.new((4,)), start.new((4,))), "solvers start alike"
    assert not torch.equal(other.new((4,)), start.new((4,)))


def test_variance_by_frequency_sees_the_band_that_is_wrong():
    data = ExactImages("exact-gaussian16")
    x, (y, A, sigma), *_ = measure(
        Task("blur", data.name, "blur_circular", 0.05, {"std": 1.5, "taps": 11}), data, data.ids[:1]
    )
    problem = pose(data.prior, A, y, sigma, x)
    H, f = hartley(16), frequencies(16).flatten()
    z = draw(problem.posterior, 4000, "another") @ H
    right = bands((z @ H).reshape(-1, 1, 16, 16), problem)
    assert list(right.values()) == pytest.approx([1.0] * len(right), abs=0.1)
    for i, (low, high) in enumerate(pairwise(BANDS)):
        if f"var_band_{i}" in right:
            wrong = bands(
                (torch.where((low <= f) & (f < high), 2, 1) * z @ H).reshape(-1, 1, 16, 16), problem
            )
            assert wrong == pytest.approx(right | {f"var_band_{i}": 4 * right[f"var_band_{i}"]})


def test_the_mean_of_exact_samples_has_the_smaller_error():
    x = torch.zeros(8, dtype=torch.float64)
    found = errors(torch.tensor([1.0, -1.0], dtype=torch.float64)[:, None].expand(2, 8), x)
    assert found == {"rmse_sample": 1.0, "rmse_mean": 0.0}
