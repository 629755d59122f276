"""Measures the goals of the exact suites: each with its number, its bound and the verdict.

    python benchmarks/goals.py            # minutes; with --quick fewer problems, and no mutants
    python benchmarks/goals.py --run results/exact-full

With ``--run``, goals 3 and 4 are measured in all their tasks, from the records of that run.
"""

import argparse
import csv
import itertools
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from bench.certify.laws import all_laws, run_laws
from bench.certify.limits import limits
from bench.exact.distances import draw
from bench.exact.laws.law import EXACT, PATH
from bench.exact.prior import MixturePrior
from bench.exact.problems import ExactImages
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.plan.task import Task
from bench.records.journal import read_records
from bench.records.record import Record
from bench.report import render
from bench.run.inputs import measure
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.stats.intervals import Median, median_interval
from bench.suites.cards import list_cards
from bench.suites.changes import override
from bench.suites.suite import load_suite

TASK = "d8-m2-s0.2"
PROBLEMS = 6
"""Problems of each task of suite `exact` in goal 6."""
LOUD = re.compile(r"d(2|8|80)-m[124]-s(0\.2|1)")
"""Tasks of goal 4: d <= 80, m <= 4, sigma >= .1."""
LOUD_8 = re.compile(r"d8-m[124]-s(0\.2|1)")
"""Tasks of goal 3."""
MUTANTS = "tests/certify/test_mutants.py"
Line = tuple[str, str, str, bool]
"""Goal, measured, bound, reached."""


def laws() -> Iterator[Line]:
    """Measures goal 1: every law holds to its own tolerance, closed forms and paths each to theirs."""
    results = [(name, result) for name in all_laws() for result in run_laws(name)]
    name, worst = max(results, key=lambda r: r[1].error / r[1].law.tolerance)
    broken = sum(not r.passed for _, r in results)
    measured = (
        f"{len(results) - broken} of {len(results)}; nearest to its tolerance: {name}, {worst.law.name}"
    )
    yield "1 laws hold", f"{measured}, {worst.error:.0e} of {worst.law.tolerance:.0e}", "all", broken == 0
    for kind, bound in (("laws against closed forms", EXACT), ("path identities", PATH)):
        errors = [r.error for _, r in results if r.law.tolerance == bound]
        yield (
            f"1 {kind}",
            f"largest error {max(errors):.0e} over {len(errors)}",
            f"{bound:.0e}",
            max(errors) <= bound,
        )


def mutants() -> Iterator[Line]:
    """Measures the second half of goal 1: the tests kill mutants of the solvers. It takes minutes."""
    command = [sys.executable, "-m", "pytest", "-q", MUTANTS]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    killed, survived = counted(found, "passed"), counted(found, "failed")
    if not killed and not survived:  # pytest was quiet: a dot for each test that passed
        killed = found.count(".")
    measured = f"{killed} of {killed + survived} checks of {MUTANTS}"
    yield "1 mutants killed", measured, "all", killed > 0 and not survived


def counted(output: str, outcome: str) -> int:
    """Number of tests with an outcome, from the last line of pytest."""
    found = re.search(rf"(\d+) {outcome}", output)
    return int(found[1]) if found else 0


def exact_pieces(most: int) -> Iterator[Line]:
    """Measures goal 2: Tweedie's formula and its derivative hold, and Bayes' rule is a constant.

    The problems are those of every task of both suites.
    """
    spreads: list[float] = []
    problems: dict[str, ExactImages] = {}
    for suite in map(load_suite, ("exact", "exact-full")):
        for row in suite.tasks:
            name = row.prior or suite.prior
            data = problems.setdefault(name, ExactImages(name))
            task = Task(row.name, name, row.operator, row.noise_std, row.params)
            images = data.ids[: min(most, row.images or suite.images)]
            spreads += [bayes_spread(data, task, image) for image in images]
    tweedie: list[float] = []
    for data in problems.values():
        tweedie += tweedie_errors(data.prior)
    yield (
        "2 denoiser and vjp against Tweedie's formula",
        f"{max(tweedie):.0e}",
        "1e-10",
        max(tweedie) <= 1e-10,
    )
    name = f"2 Bayes' rule is a constant, {len(spreads)} problems"
    yield name, f"spread {max(spreads):.0e}", "1e-9", max(spreads) <= 1e-9


def bayes_spread(data: ExactImages, task: Task, image: str) -> float:
    """Range of log p(x) + log p(y | x) - log p(x | y) over the truth and eight draws of the posterior."""
    x, (y, A, sigma), *_ = measure(task, data, [image])
    posterior = data.prior.posterior(y, A, sigma)
    at = torch.cat([x, draw(posterior, 8, "goals", image).reshape(8, *data.shape)])
    r = y - A.repeat_interleave(len(at))(at)
    bayes = (
        data.prior.log_density(at) - 0.5 * r.flatten(1).square().sum(1) / sigma**2 - posterior.log_density(at)
    )
    return float(bayes.max() - bayes.min())


def tweedie_errors(prior: MixturePrior) -> Iterator[float]:
    """Largest errors of x0 and of its pullback against automatic differentiation of the log density."""
    x, z, u = (draw(prior, 4, "goals", name).reshape(4, *prior.shape) for name in "xzu")
    for index in (999, 300, 0):
        t = prior.schedule.level(index)
        at = (t.alpha * x + t.sigma * z).requires_grad_()
        score = torch.autograd.grad(prior.log_density(at, t).sum(), at, create_graph=True)[0]
        x0, (mine, pull) = (at + t.sigma**2 * score) / t.alpha, prior.vjp(at.detach(), t)
        yield float((mine - x0.detach()).abs().max())
        if index < 999:  # there the reference itself is off by 1e-8: it divides by alpha
            yield float((pull(u) - torch.autograd.grad(x0, at, u)[0]).abs().max())


def headline_records(problems: int, folder: Path) -> list[Record]:
    """Makes the records of the headline task; a run of exact-full has all tasks of goals 3 and 4."""
    solvers = ("exact", "oracle-1000", "tds-250")
    suite = override(load_suite("exact-full"), solvers, (TASK,), list(list_cards()), images=problems)
    Runner(prepare(suite, Options()), folder, Observer()).run()
    return read_records(folder)[0]


def at_the_floor(records: list[Record]) -> Iterator[Line]:
    """Measures goals 3 and 4: oracle and TDS reach the floor, in the worst of the tasks of the records."""
    yield from oracle_at_the_floor(records, "3 oracle, 1000 NFE")
    yield from tds_at_the_floor(records, "4 TDS, 1000 particles")


def oracle_at_the_floor(records: list[Record], goal: str) -> Iterator[Line]:
    """Measures goal 3."""
    label = "oracle-1000"
    tasks = tasks_of(records, label, LOUD_8)
    if not tasks:
        yield goal, "no records", "its tasks", False
        return
    medians = [(median(records, task, label, "sw"), task) for task in tasks]
    sw, task = max(medians, key=lambda pair: pair[0].high)
    where = f"{interval(sw)} in {task}, the worst of {len(tasks)}"
    yield f"{goal}: SW2 / floor", where, "upper end 1.5", sw.high <= 1.5
    mmd, task = max((median(records, task, label, "mmd"), task) for task in tasks)
    yield f"{goal}: MMD / prior's", f"{interval(mmd)} in {task}", "0.03", mmd.median <= 0.03


def tds_at_the_floor(records: list[Record], goal: str) -> Iterator[Line]:
    """Measures goal 4."""
    label = "tds-250"
    tasks = tasks_of(records, label, LOUD)
    if not tasks:
        yield goal, "no records", "its tasks", False
        return
    medians = [(median(records, task, label, "sw"), task) for task in tasks]
    sw, task = max(medians, key=lambda pair: pair[0].median)
    where = f"{interval(sw)} in {task}, the worst of {len(tasks)}"
    yield f"{goal}: SW2 / floor", where, "2", sw.median <= 2
    excesses = []
    for task in tasks:
        floor = median(records, task, "exact", "mode_tv").median
        excesses.append((median(records, task, label, "mode_tv").median - floor, task))
    excess, task = max(excesses)
    yield f"{goal}: mode TV above the floor", f"{excess:.3f} in {task}", "0.03", excess <= 0.03


def tasks_of(records: list[Record], label: str, pattern: re.Pattern[str]) -> list[str]:
    """Tasks in which both a row and the exact posterior have records."""
    done = {(r.task, r.label) for r in records if r.status == "ok"}
    tasks = {task for task, row in done if row == label and (task, "exact") in done}
    return sorted(task for task in tasks if pattern.fullmatch(task))


def median(records: list[Record], task: str, label: str, metric: str) -> Median:
    """The median of a metric over the problems of a task, with its interval."""
    own = [r for r in records if (r.task, r.label, r.status) == (task, label, "ok")]
    return median_interval(np.array([r.metrics[metric] for r in own]))


def closed_forms() -> Iterator[Line]:
    """Measures goal 5: the variance in unmeasured directions has its limit."""
    for found in limits():
        bound = f"{found.limit:.4f} +- {found.tolerance:.3g}"
        yield f"5 {found.name}", f"{found.variance:.4f}", bound, found.reached


def smoke(folder: Path) -> Iterator[Line]:
    """Measures goals 6 and 7: the small suite ends in time, and its tables are complete."""
    suite, threads = override(load_suite("exact"), images=PROBLEMS), torch.get_num_threads()
    torch.set_num_threads(1)
    start, cpu = time.perf_counter(), time.process_time()
    try:
        Runner(prepare(suite, Options()), folder, Observer()).run()
        render(folder, folder / "report")
    finally:
        torch.set_num_threads(threads)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    measured = (
        f"{cpu:.0f} s of processor time on one thread, {seconds:.0f} s by the wall clock, report and all"
    )
    yield f"6 suite exact, {PROBLEMS} problems", measured, "120 s of one core", cpu < 120
    with (folder / "report" / "exact.csv").open() as file:
        lines = list(csv.DictReader(file))
    bare = sum(not math.isfinite(float(line["low"] or "nan")) for line in lines)
    lacking = []
    for task in suite.tasks:
        own = [line for line in lines if line["task"] == task.name]
        methods = {line["nfe"] for line in own if line["baseline"] == "False"}
        oracles = {line["nfe"] for line in own if line["solver"] == "oracle"}
        if not (methods <= oracles and any(line["solver"] == "exact" for line in own)):
            lacking.append(task.name)
    tables = f"{len(lacking)} tables without floor and oracle at each NFE"
    measured = f"{len(lines)} numbers, {bare} without an interval; {tables}"
    goal = "7 every number has an interval, every table its floor and oracle"
    yield goal, measured, "0 and 0", not bare and not lacking


def interval(m: Median) -> str:
    """A median with its interval as text: "1.020 [0.910, 1.200]"."""
    return f"{m.median:.3f} [{m.low:.3f}, {m.high:.3f}]"


def main() -> None:
    """Prints a line per goal; exits with 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="6 problems instead of 20, and no mutants")
    parser.add_argument(
        "--run", type=Path, help="folder of a run of exact-full; without it the headline task is run here"
    )
    args = parser.parse_args()
    quick, missed = args.quick, 0
    with tempfile.TemporaryDirectory() as folder:
        goals = [laws(), *([] if quick else [mutants()]), exact_pieces(1 if quick else 100)]
        if args.run:
            records = read_records(args.run)[0]
        else:
            records = headline_records(6 if quick else 20, Path(folder) / "headline")
        goals += [at_the_floor(records), closed_forms(), smoke(Path(folder) / "smoke")]
        for goal, measured, bound, reached in itertools.chain.from_iterable(goals):
            missed += not reached
            print(f"{'reached' if reached else 'MISSED '}  {goal}: {measured}; bound {bound}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
