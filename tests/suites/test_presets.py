"""Presets: they fit their solvers, merge by patterns, and are refused where they were not tuned."""

import csv
import itertools
from collections import Counter
from dataclasses import fields

import pytest

from bench.suites import presets
from bench.suites.methods import build_solver, load_solver
from bench.suites.suite import load_suite
from bench.suites.yamlfile import SuiteError
from solvers import SOLVERS
from tests import ROOT

TOOLS = ROOT / "tools"


@pytest.mark.parametrize("solver", SOLVERS)
def test_presets_fit_their_solvers(solver):
    for preset, priors in presets.load_presets(solver).items():
        for prior, tasks in priors.items():
            for values in tasks.values():
                built = build_solver(load_solver(solver), values, lambda param: f"{solver}.yaml: {param}")
                assert {f.name for f in fields(built)} >= values.keys(), (preset, prior)


def test_presets_merge_and_refuse(tmp_path, monkeypatch):
    (tmp_path / "dps.yaml").write_text(
        "bench:\n  fashion*:\n    '*': {steps: 9, zeta: 1}\n    sr_*: {zeta: 2}\n"
    )
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    presets.load_presets.cache_clear()
    try:
        assert presets.resolve("dps", None, "fashion32", "mine", "sr_average4") == (
            "bench",
            {"steps": 9, "zeta": 2},
        )
        assert presets.resolve("dps", "bench", "fashion32", "mine", "hdr") == (
            "bench",
            {"steps": 9, "zeta": 1},
        )
        assert presets.resolve("dps", None, "ffhq", "mine", "hdr") == (None, {})
        with pytest.raises(
            SuiteError, match=r"no settings for prior 'ffhq'; .*; choose other rows by --solver"
        ):
            presets.resolve("dps", "bench", "ffhq", "mine", "hdr")
    finally:
        presets.load_presets.cache_clear()


def test_presets_of_the_exact_suites_are_the_best_candidates():
    suite = load_suite(str(TOOLS / "tune_exact.yaml"))
    tasks, rows = {task.name: task for task in suite.tasks}, {row.label: row.solver for row in suite.solvers}
    with (TOOLS / "tune_exact.csv").open() as file:
        lines = list(csv.DictReader(file))
    trials = Counter((line["task"], line["row"], line["steps"]) for line in lines)
    assert set(trials.values()) == {6}
    assert {trial[:2] for trial in trials} == set(itertools.product(tasks, rows))
    best = [line for line in lines if line["best"]]
    assert len(best) == len(trials)
    for line in best:
        task = tasks[line["task"]]
        preset = (
            "exact"
            + line["row"].removeprefix(rows[line["row"]])
            + {"100": ""}.get(line["steps"], f"-{line['steps']}")
        )
        prior = (task.prior or suite.prior).removesuffix("-tune")
        _, found = presets.resolve(rows[line["row"]], preset, prior, task.name, task.operator)
        candidate = dict(pair.split("=") for pair in line["settings"].split()) | {"steps": line["steps"]}
        given = next(row.params for row in suite.solvers if row.label == line["row"])
        solver = load_solver(rows[line["row"]])
        assert build_solver(solver, found, str) == build_solver(solver, given | candidate, str), line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bench: 3\n", "dps.yaml:1: bench: expected preset -> prior -> task pattern -> parameters"),
        ("bench:\n  fashion32: 3\n", "dps.yaml:2: bench.fashion32: expected preset -> prior"),
        ("bench:\n  fashion32:\n    '*': 3\n", "dps.yaml:2: bench.fashion32: expected preset -> prior"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, monkeypatch, text, message):
    (tmp_path / "dps.yaml").write_text(text)
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    presets.load_presets.cache_clear()
    try:
        with pytest.raises(SuiteError) as error:
            presets.load_presets("dps")
        assert message in str(error.value)
        assert presets.load_presets("pinv") == presets.load_presets("../dps") == {}
    finally:
        presets.load_presets.cache_clear()
