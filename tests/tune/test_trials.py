"""Candidates as ordinary rows: keys, costs, gains, and images that a suite evaluates."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data import load_dataset
from bench.exact import distances
from bench.exact.distances import pose
from bench.metrics.assets import AssetUnavailable
from bench.operators import make_operator
from bench.plan.build import prepare
from bench.plan.options import make_options
from bench.suites.suite import load_suite
from bench.suites.yamlfile import SuiteError
from bench.tune.families import families
from bench.tune.objectives import objectives
from bench.tune.trials import Size, Trials, gain
from tests.tiny import build

PSNR = objectives(["psnr"])
SIZE = Size(2, 3, 1, 0)


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def family(suite):
    (found,) = families([str(suite)], ["box"], [], str(suite.parent / "images.toml"))
    return found


def trials(family, folder, spec="ddrm", size=SIZE, **fixed):
    return Trials(spec, {"steps": 4, **fixed}, family, PSNR, size, make_options(pictures=0), folder)


def test_a_candidate_is_a_row_as_any_other(suite, family, tmp_path):
    """A run of the suite with the same parameters has the same keys, and would not compute it again."""
    one = trials(family, tmp_path)
    (records,) = one.run([{"eta": 0.5, "eta_b": 1.0}])
    assert [record.status for record in records] == ["ok", "ok"]
    assert records[0].label == "ddrm[eta=0.5,eta_b=1.0]" and records[0].preset is None
    asked = load_suite(str(suite))
    row = next(row for row in asked.solvers if row.solver == "ddrm")
    row = row.model_copy(update={"params": {"steps": 4, "eta": 0.5, "eta_b": 1.0}})
    task = next(task for task in asked.tasks if task.name == "box")
    plan = prepare(asked.model_copy(update={"solvers": (row,), "tasks": (task,)}), make_options())
    keys = [job.key for job in plan.missing(plan.cells[0], set())]
    assert {record.key for record in records} <= set(keys)
    (more,) = one.run([{"eta": 0.5, "eta_b": 1.0}], 5)
    assert len(more) == 5 and records == [r for r in more if r.image in {"im0", "im1"}]


@pytest.mark.parametrize(("spec", "each"), [("ddrm", 4), ("dps", 8)])
def test_backward_passes_are_evaluations(family, tmp_path, spec, each):
    one = trials(family, tmp_path, spec)
    evaluations, seconds = one.cost({})
    records = one.run([{}])[0]
    spent = sum(record.nfe + record.vjps for record in records)
    assert evaluations == spent == 2 * each and seconds > 0


def test_what_units_may_use(family, tmp_path):
    known = trials(family, tmp_path, eta_b=0.5).known()
    assert known["eta_b"] == 0.5 and known["sigma"] == family.tasks[0].noise_std and known["s"] == 1
    assert "spacing" not in known


@pytest.mark.parametrize(
    ("name", "params", "largest"),
    [
        ("inpaint_box", {}, 1),
        ("sr_average4", {}, 0.25),
        ("blur_circular", {"std": 1.0, "taps": 5}, 1),
        ("hdr", {}, 2),
    ],
)
def test_the_largest_singular_value_is_found(name, params, largest):
    """Where A is linear, as its own decomposition has it; HDR's slope is 2 where it does not clip."""
    A = make_operator(name, (1, 16, 16), [0], **params)
    assert gain(A) == pytest.approx(largest, rel=0.02)
    if name != "hdr":
        assert gain(A) == pytest.approx(torch.as_tensor(A.s).max().item(), rel=0.02)


def test_a_copy_of_images_that_a_suite_evaluates_is_refused(tmp_path):
    data = load_dataset("fashion32")
    for i, image in enumerate(["test-00000", "test-00005"]):
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        pixels = ((data.image(image)[0] + 1) * 127.5).round().numpy().astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    card = tmp_path / "mine.toml"
    card.write_text('kind = "folder"\nfolder = "mine"\nshape = [1, 32, 32]\n')
    (family,) = families(["linear"], ["inpaint_box"], [], str(card))
    with pytest.raises(
        SuiteError, match="image 0 of data set 'mine' is test-00000 of 'fashion32', which a suite"
    ):
        trials(family, tmp_path, size=Size(1, 1, 1, 0))


def test_too_few_images_are_refused(family, tmp_path):
    message = "has 8 images; 6 to search and 3 fresh ones are 9: give fewer by --images and --fresh"
    with pytest.raises(SuiteError, match=message):
        trials(family, tmp_path, size=Size(6, 3, 1, 0))


def test_a_metric_that_cannot_be_computed_is_refused_before_anything_runs(family, tmp_path, monkeypatch):
    def lacks(*_):
        raise AssetUnavailable("no weights")

    monkeypatch.setattr("bench.metrics.networks.Lpips", lacks)
    lpips = objectives(["lpips"])
    with pytest.raises(SuiteError, match="objective lpips: no weights, or choose another --objective"):
        Trials("ddrm", {}, family, lpips, Size(1, 1, 1, 0), make_options(pictures=0), tmp_path)


def test_tasks_that_a_method_does_not_take_are_left_out(family, tmp_path):
    (hdr,) = families(["nonlinear"], ["hdr"], [])
    row = hdr.tasks[0].model_copy(update={"dataset": family.dataset, "prior": family.prior})
    both = trials(replace(family, tasks=(*family.tasks, row)), tmp_path, "ddnm")
    assert [task.name for task in both.family.tasks] == ["box"] and both.refusal is None
    assert "HDR" in both.refused["hdr"] and len(both.cells([{}])) == 1
    alone = trials(replace(family, tasks=(row,)), tmp_path, "ddnm")
    assert alone.refusal == both.refused["hdr"]
    assert trials(family, tmp_path, "ddnm").refused == {}


def test_the_exact_posteriors_of_a_task_are_prepared_once_for_all_candidates(tmp_path, monkeypatch):
    (found,) = families(["tools/tune_exact.yaml"], ["d2-m1-s0.2"], [])
    posed = []
    monkeypatch.setattr(distances, "pose", lambda *given: posed.append(given[-1]) or pose(*given))
    size, options = Size(2, 1, 1, 0), make_options(pictures=0)
    one = Trials("ddrm", {"steps": 2}, found, objectives(["mmd"]), size, options, tmp_path)
    first, second = one.run([{"eta": 0.5}, {"eta": 1.0}])
    assert len(first) == len(second) == 2
    one.run([{"eta": 0.5}], 3)
    assert len(posed) == len(set(posed)) == 3
