"""Records say all that is needed to judge a number: which code, data and costs it is of."""

import re
from pathlib import Path

import pytest

from bench.data import load_dataset
from bench.plan.build import prepare
from bench.plan.cell import Job
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.records.lines import LineReader, write_line
from bench.records.record import DETERMINISTIC
from bench.run.failures import Failure
from bench.run.progress import Observer
from bench.run.recorder import Cost, Identity, Recorder, identities
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests.tiny import build, scored_by_psnr


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return load_suite(str(scored_by_psnr(build(tmp_path_factory.mktemp("tiny")))))


@pytest.fixture(scope="module")
def plan(suite):
    return prepare(override(suite, ["dps"], ["box"]), Options(deterministic=True))


def record(plan, result, **more):
    given = {"identity": Identity(), "cost": Cost()} | more
    return Recorder(plan).record(plan.cells[0], Job("im0", 2, "k" * 64), result, **given)


def test_records_say_which_code_and_data_they_are_of(suite, tmp_path):
    mine = suite.dataset.replace("images.toml", "mine.py") + ":Mine"
    plan = prepare(override(suite, ["pinv", mine], ["box"], ["pinv"], images=1), Options())
    Runner(plan, tmp_path, Observer()).run()
    records = {(r.label, r.image): r for r in read_records(tmp_path)[0]}
    ours, theirs = records["pinv", "im0"], records["Mine", "im0"]
    assert (ours.solver_rev, ours.operator_rev, ours.source_sha256) == (1, 1, None)
    assert re.fullmatch("[0-9a-f]{64}", theirs.source_sha256)
    assert ours.image_sha256 == theirs.image_sha256 == load_dataset(suite.dataset).image_sha256("im0")
    assert re.fullmatch(r"cpu \(.+\)", ours.device)


def test_a_record_says_how_threads_wait(plan, monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    assert "openmp" not in record(plan, {"psnr": 20.0}).versions
    monkeypatch.setenv("GOMP_SPINCOUNT", "2000")
    assert record(plan, {"psnr": 20.0}).versions["openmp"] == "GOMP_SPINCOUNT=2000"


def test_a_result_is_metrics_or_a_failure(plan):
    scored = record(plan, {"psnr": 20.0}, unavailable={"lpips": "no weights"})
    assert (scored.status, scored.metrics, scored.reason) == ("ok", {"psnr": 20.0}, None)
    assert scored.unavailable == {"lpips": "no weights"}
    lost = record(plan, Failure("timeout", "too long"), unavailable={"lpips": "no weights"})
    assert (lost.status, lost.metrics, lost.reason, lost.unavailable) == ("timeout", {}, "too long", {})


def test_every_field_is_said(plan):
    """A field that is left at its default by mistake would say what is not so."""
    cost = Cost(
        batch=4, nfe=5, vjps=6, operator_calls=7, seconds=8.0, peak_memory_mb=9.0, notes={"moves": 2.0}
    )
    made = record(plan, {"psnr": 20.0}, identity=Identity("y", "x"), cost=cost)
    cell = plan.cells[0]
    assert (made.key, made.image, made.sample, made.cell) == ("k" * 64, "im0", 2, cell.id)
    assert (made.batch, made.nfe, made.vjps, made.operator_calls) == (4, 5, 6, 7)
    assert made.notes == {"moves": 2.0}
    assert (made.seconds, made.peak_memory_mb, made.y_hash, made.image_sha256) == (8.0, 9.0, "y", "x")
    assert (made.suite, made.task, made.operator, made.sigma) == ("tiny", "box", "inpaint_box", 0.05)
    assert (made.solver, made.label, made.params["steps"], made.baseline) == ("dps", "dps", 4, False)
    assert made.prior == "tiny" and len(made.weights_sha256) == len(made.code_sha256) == 64
    assert made.switches == [DETERMINISTIC] and made.created and made.versions["metrics"].startswith("1")
    assert LineReader()(write_line(made)[:-1], Path("a.jsonl")) == made


def test_what_was_not_measured_has_no_identity():
    assert identities(None, 2) == [Identity(), Identity()]
