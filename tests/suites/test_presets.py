"""Presets: they fit their solvers, merge by patterns, are refused where they were not tuned, and are what the
committed records were made with."""

import csv
import itertools
from collections import Counter
from dataclasses import asdict, fields
from fnmatch import fnmatchcase

import pytest

from bench.records.journal import read_records
from bench.suites import presets
from bench.suites.methods import build_solver, load_solver
from bench.suites.suite import load_suite
from bench.suites.yamlfile import SuiteError
from bench.system.gate import scalar
from tests import ROOT
from tests.ours import CARDS

TOOLS = ROOT / "tools"


@pytest.mark.parametrize("solver", CARDS)
def test_presets_fit_their_solvers(solver):
    for preset, priors in CARDS[solver].presets.items():
        for prior, tasks in priors.items():
            for values in tasks.values():
                built = build_solver(load_solver(solver), values, lambda param: f"{solver}.yaml: {param}")
                assert {f.name for f in fields(built)} >= values.keys(), (preset, prior)


MINE = """
from dataclasses import dataclass
from solvers.dps import DPS

@dataclass(frozen=True)
class Mine(DPS):
    pass
"""
CARD = "presets:\n  bench:\n    fashion*:\n      '*': {steps: 9, zeta: 1}\n      sr_*: {zeta: 2}\n"


def test_presets_of_a_user_s_card_merge_and_refuse(tmp_path):
    mine = str(tmp_path / "mine.py")
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "mine.yaml").write_text(CARD)
    for spec in (mine, f"{mine}:Mine"):
        sr = presets.resolve(spec, None, "fashion32", "mine", "sr_average4")
        assert sr == ("bench", {"steps": 9, "zeta": 2})
        hdr = presets.resolve(spec, "bench", "fashion32", "mine", "hdr")
        assert hdr == ("bench", {"steps": 9, "zeta": 1})
        assert presets.resolve(spec, None, "ffhq", "mine", "hdr") == (None, {})
    with pytest.raises(SuiteError, match=r"no settings for prior 'ffhq'; .*; choose other rows by --solver"):
        presets.resolve(mine, "bench", "ffhq", "mine", "hdr")
    with pytest.raises(SuiteError, match=r"mine.py has no preset 'bnech' \(did you mean 'bench'\?\)"):
        presets.resolve(mine, "bnech", "fashion32", "mine", "hdr")
    (tmp_path / "mine.yaml").unlink()
    assert presets.resolve(mine, None, "fashion32", "mine", "hdr") == (None, {})


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
        words = dict(pair.split("=") for pair in line["settings"].split()) | {"steps": line["steps"]}
        candidate = {name: scalar(word) for name, word in words.items()}
        given = next(row.params for row in suite.solvers if row.label == line["row"])
        solver = load_solver(rows[line["row"]])
        assert build_solver(solver, found, str) == build_solver(solver, given | candidate, str), line


def test_presets_of_the_exact_suites_are_what_the_searches_chose():
    tasks = {task.name: task for task in load_suite(str(TOOLS / "tune_exact.yaml")).tasks}
    with (TOOLS / "tune_exact_searched.csv").open() as file:
        best = [line for line in csv.DictReader(file) if line["best"]]
    searched = {(line["method"], line["task"]) for line in best}
    by_hand = {row.solver for row in load_suite(str(TOOLS / "tune_exact.yaml")).solvers}
    rows = [
        row
        for row in load_suite("exact-full").solvers
        if row.preset == "exact" and not row.solver.startswith("oracle")
    ]
    takes = {(row.solver, name) for row in rows for name in tasks if row.takes(name)}
    assert len(searched) == len(best)
    assert searched == {(solver, name) for solver, name in takes if solver not in by_hand}
    for line in best:
        task = tasks[line["task"]]
        prior = (task.prior or "exact-mixture8-tune").removesuffix("-tune")
        found = presets.resolve(line["method"], "exact", prior, task.name, task.operator)[1]
        chosen = dict(pair.split("=") for pair in line["settings"].split())
        assert found == {"steps": 100, **{name: scalar(word) for name, word in chosen.items()}}, line


def is_tuned_since(row, prior, task, record):
    """Whether a search has found other settings for a row behind the record."""
    found = CARDS[row.solver].tuned.get(row.preset, {}).get(prior, {})
    matching = [
        one for name, one in found.items() if fnmatchcase(task.name, name) or fnmatchcase(task.operator, name)
    ]
    return any(one.date >= record.created[:10] for one in matching)


@pytest.mark.long
@pytest.mark.parametrize("name", ["linear", "nonlinear", "exact", "exact-full"])
def test_committed_rows_have_the_settings_of_today_unless_tuned_since(name):
    suite = load_suite(name)
    tasks = {task.name: task for task in suite.tasks}
    rows = {(row.label, task): row for row in suite.solvers for task in tasks if row.takes(task)}
    compared = set()
    for record in read_records(ROOT / "results" / "reference" / name)[0]:
        row, task = rows.get((record.label, record.task)), tasks.get(record.task)
        if row is None or (row.label, task.name) in compared:
            continue
        compared.add((row.label, task.name))
        prior = task.prior or suite.prior
        if row.preset and is_tuned_since(row, prior, task, record):
            continue
        found = presets.resolve(row.solver, row.preset, prior, task.name, task.operator)[1]
        today = asdict(build_solver(load_solver(row.solver), {**found, **row.params}, str))
        assert {param: today[param] for param in record.params} == record.params, (row.label, task.name)
    assert len(compared) > 0.8 * len(rows)
