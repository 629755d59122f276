"""A plan's manifest: that of a committed run is made again to the last letter."""

from dataclasses import replace

import pytest

from bench.metrics.table import METRICS
from bench.plan.build import prepare
from bench.plan.manifest import about_sets, describe_row, describe_sets, make_manifest, metric_revisions
from bench.plan.options import Options
from bench.plan.request import parse_request
from bench.records.manifest import read_manifests
from bench.suites.suite import load_suite
from tests import ROOT
from tests.tiny import build

START = {"command": "bench run", "created": "now", "versions": {"torch": "2"}}


@pytest.mark.parametrize("name", ["exact", "exact-full"])
def test_a_committed_run_has_the_same_manifest_today(name):
    """So that running it again adds no second one."""
    (run,) = read_manifests(ROOT / "results" / "reference" / name)
    plan = prepare(*parse_request(run.asked))
    assert make_manifest(plan, [], **START).digest == run.digest


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    suite = load_suite(str(build(tmp_path_factory.mktemp("tiny"))))
    return prepare(suite, Options())


def test_tables_rows_and_columns_are_in_order(plan):
    run = make_manifest(plan, ["psnr", "misfit"], **START)
    assert [task.name for task in run.tasks] == ["box", "box2"]
    assert [row.label for row in run.rows] == [row.label for row in plan.suite.solvers]
    assert list(run.metrics) == ["psnr", "misfit"] and run.metrics["psnr"].format == ".2f"
    assert (run.images, run.n_images, run.command) == (plan.cells[0].images, 4, "bench run")
    assert run.sets is None and run.data_root is None
    assert all(task.dataset is task.prior is None for task in run.tasks), "those of the run"


def test_fid_and_kid_are_columns_where_features_are_kept(plan):
    suite = plan.suite.model_copy(update={"features": True, "fid_mode": "clean"})
    run = make_manifest(replace(plan, suite=suite), ["psnr"], **START)
    assert list(run.metrics) == ["psnr", "fid", "kid"] and run.sets.mode == "clean"
    assert describe_sets("legacy_pytorch", None) is None
    note = about_sets("fid", "clean", {"n": 10, "dataset": "d", "list": "ab" * 32}).note
    assert note.endswith("; reference: the 10 images of d (list abababababab)")


def test_a_row_with_fewer_images_says_so(plan):
    cells = [cell for cell in plan.cells if cell.label == "dps"]
    assert describe_row("dps", cells, 4).images is None
    few = [replace(cell, images=cell.images[:2]) for cell in cells]
    row = describe_row("dps", few, 4, skips=True)
    assert (row.images, row.skip_duplicates, list(row.cells)) == (2, True, ["box", "box2"])


def test_revisions_are_named_where_they_were_raised(monkeypatch):
    monkeypatch.setitem(METRICS, "psnr", replace(METRICS["psnr"], rev=3))
    assert "psnr=3" in metric_revisions().split() and metric_revisions().startswith("1")
