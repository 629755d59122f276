"""What the exact suites set out to show, as numbers: each goal with its bound, what was measured, and the
verdict.

python benchmarks/goals.py            # minutes; with --quick fewer problems, and no mutants
python benchmarks/goals.py --run results/exact-full        # goals 3 and 4 in all their tasks, from the
records of that run
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
from bench.suites.changes import override
from bench.suites.suite import load_suite
from solvers import ANCHORS, SOLVERS

TASK = "d8-m2-s0.2"
LOUD = re.compile(r"d(2|8|80)-m[124]-s(0\.2|1)")
"""Tasks of goal 4: d <= 80, m <= 4, sigma >= .1."""
LOUD_8 = re.compile(r"d8-m[124]-s(0\.2|1)")
"""Tasks of goal 3."""
Line = tuple[str, str, str, bool]
"""Goal, measured, bound, reached."""


def laws() -> Iterator[Line]:
    """Goal 1: every law to its own tolerance, closed forms and paths each to theirs."""
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
    """Goal 1, second half; minutes."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/certify/test_mutants.py"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    killed, survived = (
        int(m[1]) if (m := re.search(rf"(\d+) {word}", found)) else 0 for word in ("passed", "failed")
    )
    killed += found.count(".") * (not killed and not survived)
    measured = f"{killed} of {killed + survived} checks of tests/certify/test_mutants.py"
    yield "1 mutants killed", measured, "all", killed > 0 and not survived


def exact_pieces(most: int) -> Iterator[Line]:
    """Goal 2: Tweedie's formula and its derivative, and Bayes' rule as a constant, on problems of every task
    of both suites.
    """
    spreads, worlds = [], {}
    for suite in map(load_suite, ("exact", "exact-full")):
        for row in suite.tasks:
            name = row.prior or suite.prior
            data = worlds.setdefault(name, ExactImages(name))
            task = Task(row.name, name, row.operator, row.noise_std, row.params)
            images = data.ids[: min(most, row.images or suite.images)]
            spreads += [bayes_spread(data, task, image) for image in images]
    tweedie = [error for data in worlds.values() for error in tweedie_errors(data.law)]
    yield (
        "2 denoiser and vjp against Tweedie's formula",
        f"{max(tweedie):.0e}",
        "1e-10",
        max(tweedie) <= 1e-10,
    )
    name = f"2 Bayes' rule is a constant, {len(spreads)} problems"
    yield name, f"spread {max(spreads):.0e}", "1e-9", max(spreads) <= 1e-9


def bayes_spread(data: ExactImages, task: Task, image: str) -> float:
    """How much log p(x) + log p(y | x) - log p(x | y) varies over the truth and eight draws of the
    posterior.
    """
    x, (y, A, sigma), *_ = measure(task, data, [image])
    posterior = data.law.posterior(y, A, sigma)
    at = torch.cat([x, draw(posterior, 8, "goals", image).reshape(8, *data.shape)])
    r = y - A.repeat_interleave(len(at))(at)
    bayes = (
        data.law.log_density(at) - 0.5 * r.flatten(1).square().sum(1) / sigma**2 - posterior.log_density(at)
    )
    return float(bayes.max() - bayes.min())


def tweedie_errors(law: MixturePrior) -> Iterator[float]:
    """Largest errors of x0 and of its pullback against automatic differentiation of the log density."""
    x, z, u = (draw(law, 4, "goals", name).reshape(4, *law.shape) for name in "xzu")
    for index in (999, 300, 0):
        t = law.schedule.level(index)
        at = (t.alpha * x + t.sigma * z).requires_grad_()
        score = torch.autograd.grad(law.log_density(at, t).sum(), at, create_graph=True)[0]
        x0, (mine, pull) = (at + t.sigma**2 * score) / t.alpha, law.vjp(at.detach(), t)
        yield float((mine - x0.detach()).abs().max())
        if index < 999:  # there the reference itself is off by 1e-8: it divides by alpha
            yield float((pull(u) - torch.autograd.grad(x0, at, u)[0]).abs().max())


def anchor_records(problems: int, folder: Path) -> list[Record]:
    """Of the headline task alone, made here; a run of exact-full (``--run``) has all tasks of goals 3 and
    4.
    """
    suite = override(
        load_suite("exact-full"),
        ("exact", "oracle-1000", "tds-250"),
        (TASK,),
        [*SOLVERS, *ANCHORS],
        images=problems,
    )
    Runner(prepare(suite, Options()), folder, Observer()).run()
    return read_records(folder)[0]


def anchors(records: list[Record]) -> Iterator[Line]:
    """Goals 3 and 4: oracle and TDS at the floor, in the worst of the tasks that the records are about."""

    def of(task: str, label: str, metric: str) -> Median:
        return median_interval(
            np.array(
                [r.metrics[metric] for r in records if (r.task, r.label, r.status) == (task, label, "ok")]
            )
        )

    done = {(r.task, r.label) for r in records if r.status == "ok"}
    for goal, label, pattern in (
        ("3 oracle, 1000 NFE", "oracle-1000", LOUD_8),
        ("4 TDS, 1000 particles", "tds-250", LOUD),
    ):
        tasks = sorted(
            {
                task
                for task, row in done
                if row == label and (task, "exact") in done and pattern.fullmatch(task)
            }
        )
        if not tasks:
            yield goal, "no records", "its tasks", False
            continue
        sw = max(
            ((of(task, label, "sw"), task) for task in tasks),
            key=lambda m: m[0].high if goal[0] == "3" else m[0].median,
        )
        name, where = f"{goal}: SW2 / floor", f"{interval(sw[0])} in {sw[1]}, the worst of {len(tasks)}"
        if goal[0] == "3":
            yield name, where, "upper end 1.5", sw[0].high <= 1.5
            mmd, task = max((of(task, label, "mmd"), task) for task in tasks)
            yield f"{goal}: MMD / prior's", f"{interval(mmd)} in {task}", "0.03", mmd.median <= 0.03
        else:
            yield name, where, "2", sw[0].median <= 2
            excess, task = max(
                (of(t, label, "mode_tv").median - of(t, "exact", "mode_tv").median, t) for t in tasks
            )
            yield f"{goal}: mode TV above the floor", f"{excess:.3f} in {task}", "0.03", excess <= 0.03


def closed_forms() -> Iterator[Line]:
    """Goal 5: variance in unmeasured directions."""
    for found in limits():
        yield (
            f"5 {found.name}",
            f"{found.variance:.4f}",
            f"{found.limit:.4f} +- {found.tolerance:.3g}",
            found.reached,
        )


def smoke(folder: Path) -> Iterator[Line]:
    """Goals 6 and 7: the small suite in time, and its tables complete."""
    suite, threads = load_suite("exact"), torch.get_num_threads()
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
    yield "6 suite exact", measured, "60 s of one core", cpu < 60
    with (folder / "report" / "exact.csv").open() as file:
        lines = list(csv.DictReader(file))
    bare = sum(not math.isfinite(float(line["low"] or "nan")) for line in lines)
    lacking = []
    for task in suite.tasks:
        own = [line for line in lines if line["task"] == task.name]
        asked = {line["nfe"] for line in own if line["baseline"] == "False"}
        at = {line["nfe"] for line in own if line["solver"] == "oracle"}
        if not (asked <= at and any(line["solver"] == "exact" for line in own)):
            lacking.append(task.name)
    measured = f"{len(lines)} numbers, {bare} without an interval; {len(lacking)} tables without floor and oracle at each NFE"
    yield (
        "7 every number has an interval, every table its floor and oracle",
        measured,
        "0 and 0",
        not bare and not lacking,
    )


def interval(m: Median) -> str:
    """As in "1.02 [0.91, 1.20]"."""
    return f"{m.median:.3f} [{m.low:.3f}, {m.high:.3f}]"


def main() -> None:
    """Prints a line per goal; leaves with 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="6 problems instead of 20, and no mutants")
    parser.add_argument(
        "--run", type=Path, help="folder of a run of exact-full; without it the headline task is run here"
    )
    args = parser.parse_args()
    quick, missed = args.quick, 0
    with tempfile.TemporaryDirectory() as folder:
        goals = [laws(), *([] if quick else [mutants()]), exact_pieces(1 if quick else 100)]
        own = (
            read_records(args.run)[0]
            if args.run
            else anchor_records(6 if quick else 20, Path(folder) / "anchors")
        )
        goals += [anchors(own), closed_forms(), smoke(Path(folder) / "smoke")]
        for goal, measured, bound, reached in itertools.chain.from_iterable(goals):
            missed += not reached
            print(f"{'reached' if reached else 'MISSED '}  {goal}: {measured}; bound {bound}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
