"""What was asked is kept, in the words of the disk, and asked again."""

import json
from pathlib import Path

import pytest

from bench.plan.options import Options
from bench.plan.request import make_request, parse_request
from bench.records.manifest import Request, read_manifests
from bench.suites.suite import SuiteError, TaskRow, load_suite
from tests import ROOT


@pytest.mark.parametrize("name", ["exact", "exact-full"])
def test_a_committed_request_is_kept_to_the_letter(name):
    (run,) = read_manifests(ROOT / "results" / "reference" / name)
    suite, options = parse_request(run.asked)
    assert suite.samples_per_problem == 1000 and not options.deterministic
    assert json.dumps(make_request(suite, options).to_disk()) == json.dumps(run.asked.to_disk())


def test_what_is_kept_is_asked_again():
    suite = load_suite("exact")
    asked = Request.from_disk(make_request(suite, Options(deterministic=True, limit=3.0)).to_disk())
    again, options = parse_request(asked, batch=8, device="cpu")
    assert again.model_dump() == suite.model_dump()
    assert (options.deterministic, options.batch, options.limit) == (True, 1, 3.0)
    assert "fast" not in asked.options
    fast = Request.from_disk(make_request(suite, Options(fast=True)).to_disk())
    assert parse_request(fast, batch=8, device="cpu")[1].fast


def test_paths_do_not_depend_on_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = TaskRow(name="t", operator="flip.py:Flip", sigma=0.1)
    suite = load_suite("exact").model_copy(update={"tasks": (task,), "prior": "other.toml"})
    asked = make_request(suite, Options()).suite
    assert asked["tasks"][0]["operator"] == f"{tmp_path}/flip.py:Flip"
    assert asked["prior"] == str(tmp_path / "other.toml") and asked["dataset"] == "exact-mixture8"
    assert Path(asked["prior"]).is_absolute()


@pytest.mark.parametrize("missing", ["suite", "options"])
def test_a_request_of_another_version_is_refused(missing):
    asked = make_request(load_suite("exact"), Options())
    broken = {"suite": {**asked.suite, "colour": "red"}, "options": {}}[missing]
    request = Request(suite=asked.suite, options=asked.options)
    request = Request(**{**vars(request), missing: broken})
    with pytest.raises(SuiteError, match="asks for what this version does not know"):
        parse_request(request)


def test_samples_of_a_row_and_margins_are_kept_where_they_are_set():
    """Left out at their default, so that manifests of suites without them stay as they are."""
    suite = load_suite("linear")
    bare = suite.solvers[0].model_copy(update={"samples": None})
    several = bare.model_copy(update={"samples": 3, "label": "more"})
    suite = suite.model_copy(update={"solvers": (bare, several), "margins": {"psnr": 0.5}})
    asked = make_request(suite, Options())
    assert "samples" not in asked.suite["solvers"][0] and asked.suite["solvers"][1]["samples"] == 3
    assert parse_request(asked)[0].margins == {"psnr": 0.5}
    assert "margins" not in make_request(load_suite("linear"), Options()).suite
