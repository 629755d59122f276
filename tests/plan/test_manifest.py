"""A plan's manifest: that of a committed run is made again to the last letter."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.metrics.table import METRICS
from bench.plan.build import prepare
from bench.plan.manifest import about_sets, describe_row, describe_sets, make_manifest, metric_revisions
from bench.plan.options import Options
from bench.plan.request import parse_request
from bench.records.manifest import read_manifests
from bench.suites.cards import card_of
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests import ROOT
from tests.tiny import build

START = {"command": "bench run", "created": "now", "versions": {"torch": "2"}}

FROM_CARDS = dict.fromkeys(("kind", "order", "colour", "title", "bibtex", "settings"))


@pytest.mark.long
@pytest.mark.parametrize("name", ["exact", "exact-full"])
def test_a_committed_run_has_the_same_manifest_today(name):
    """But for what it keeps of cards and of later metrics, which versions of that time had not."""
    (run,) = read_manifests(ROOT / "results" / "reference" / name)
    plan = prepare(*parse_request(run.asked))
    now = make_manifest(plan, [], **START)
    rows = now.rows if run.rows[0].kind else tuple(replace(row, **FROM_CARDS) for row in now.rows)
    assert replace(now, rows=rows, metrics=run.metrics).digest == run.digest
    assert run.metrics.keys() <= now.metrics.keys()


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
    (asked,) = [row for row in plan.suite.solvers if row.label == "dps"]
    assert describe_row(asked, cells, 4).images is None
    few = [replace(cell, images=cell.images[:2]) for cell in cells]
    row = describe_row(asked.model_copy(update={"skip_duplicates": True}), few, 4)
    assert (row.images, row.skip_duplicates, list(row.cells)) == (2, True, ["box", "box2"])


def test_a_row_with_several_samples_says_so(plan):
    cells = [cell for cell in plan.cells if cell.label == "dps"]
    (asked,) = [row for row in plan.suite.solvers if row.label == "dps"]
    assert "samples" not in describe_row(asked, cells, 4).to_disk(), "manifests of single samples stay"
    assert describe_row(asked, [replace(cell, samples=2) for cell in cells], 4).to_disk()["samples"] == 2


def test_revisions_are_named_where_they_were_raised(monkeypatch):
    monkeypatch.setitem(METRICS, "psnr", replace(METRICS["psnr"], rev=3))
    assert "psnr=3" in metric_revisions().split() and metric_revisions().startswith("1")


def test_rows_keep_their_card_and_their_settings(plan):
    rows = {row.label: row for row in make_manifest(plan, ["psnr"], **START).rows}
    card, row = card_of("dps"), rows["dps"]
    assert (row.kind, row.order, row.title, row.paper) == ("method", card.order, card.title, card.paper)
    assert row.bibtex == card.bibtex and (row.colour, rows["red_diff"].colour) == (1, 0)
    assert rows["pinv"].kind == "baseline"
    assert row.settings.keys() == {"box", "box2"} and row.settings["box"]["steps"] == 4


def test_rows_of_different_tasks_share_a_label(plan):
    """They are one row of the tables, and two of the manifest."""
    suite = plan.suite
    one, other = (row for row in suite.solvers if row.label in {"dps", "pigdm"})
    ours = [
        row.model_copy(update={"label": "ours", "tasks": [task]})
        for row, task in ((one, "box"), (other, "box2"))
    ]
    shared = prepare(suite.model_copy(update={"solvers": tuple(ours)}), Options())
    rows = make_manifest(shared, ["psnr"], **START).rows
    assert [(row.label, row.solver, list(row.cells)) for row in rows] == [
        ("ours", "dps", ["box"]),
        ("ours", "pigdm", ["box2"]),
    ]


def test_a_users_file_is_kept_with_its_class(plan):
    """So that it is found when a card that named the class is gone; and it takes none of our colours."""
    folder = Path(plan.suite.dataset).parent
    suite = override(plan.suite, [f"{folder}/mine.py"])
    run = make_manifest(prepare(suite, Options()), ["psnr"], **START)
    assert run.asked.suite["solvers"][0]["solver"] == f"{folder}/mine.py:Mine"
    (row,) = run.rows
    assert (row.label, row.kind, row.colour, row.title, row.paper) == (
        "mine",
        "method",
        None,
        None,
        "0000.00000",
    )
