"""What the exact suites set out to show, as numbers: each goal with its bound, what was measured, and the verdict.

python benchmarks/goals.py            # minutes; with --quick fewer problems, and no mutants
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

from bench.certify import LAWS, run_laws
from bench.certify.law import PATH
from bench.certify.limits import limits
from bench.distances import draw
from bench.exact_worlds import ExactImages, is_exact
from bench.prepare import Options, prepare
from bench.progress import Observer
from bench.records import read_records
from bench.report import render
from bench.runner import Runner
from bench.stats import Median, median_interval
from bench.suites import load_suite, override
from bench.tasks import Task
from solvers import ANCHORS, SOLVERS

TASK = "d8-m2-s0.2"
Line = tuple[str, str, str, bool]
"""Goal, measured, bound, reached."""


def laws() -> Iterator[Line]:
    """Goal 1: every law, and every mutant killed by one."""
    results = [(name, result) for name in LAWS for result in run_laws(name)]
    name, worst = max(results, key=lambda r: r[1].error / r[1].law.tolerance)
    tight = [r.error for _, r in results if r.law.tolerance <= PATH]
    broken = sum(not r.passed for _, r in results)
    measured = f"{len(results) - broken} of {len(results)}; nearest to its tolerance: {name}, {worst.law.name}"
    yield "1 laws hold", f"{measured}, {worst.error:.0e} of {worst.law.tolerance:.0e}", "all", broken == 0
    yield (
        "1 laws and paths in closed form",
        f"largest error {max(tight):.0e} over {len(tight)}",
        f"{PATH:.0e}",
        max(tight) <= PATH,
    )


def mutants() -> Iterator[Line]:
    """Goal 1, second half; minutes."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_mutants.py"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    killed, survived = (int(m[1]) if (m := re.search(rf"(\d+) {word}", found)) else 0 for word in ("passed", "failed"))
    killed += found.count(".") * (not killed and not survived)
    yield "1 mutants killed", f"{killed} of {killed + survived}", "all", killed > 0 and not survived


def exact_pieces(problems: int) -> Iterator[Line]:
    """Goal 2: Tweedie's formula, and Bayes' rule as a constant, on problems of every task of exact-full."""
    suite, spreads, tweedie = load_suite("exact-full"), [], []
    for row in suite.tasks:
        name = row.prior or suite.prior
        if not is_exact(name):
            continue
        data = ExactImages(name)
        law, task = data.law, Task(row.name, name, row.operator, row.noise_std, row.params)
        for image in data.ids[:problems]:
            x, (y, A, sigma), *_ = task.measure(data, [image])
            posterior = law.posterior(y, A, sigma)
            at = torch.cat([x, draw(posterior, 8, "goals", image).reshape(8, *data.shape)])
            r = y - A.repeat_interleave(len(at))(at)
            bayes = law.log_density(at) - 0.5 * r.flatten(1).square().sum(1) / sigma**2 - posterior.log_density(at)
            spreads.append(float(bayes.max() - bayes.min()))
        if law.mean.numel() <= 8:
            t = law.schedule.level(300)
            z = x.requires_grad_()
            score = torch.autograd.grad(law.log_density(z, t).sum(), z)[0]
            tweedie.append(float((law.denoise(z, t) - (z + t.sigma**2 * score) / t.alpha).abs().max().detach()))
    yield "2 denoiser against Tweedie's formula", f"{max(tweedie):.0e}", "1e-10", max(tweedie) <= 1e-10
    name = f"2 Bayes' rule is a constant, {len(spreads)} problems"
    yield name, f"spread {max(spreads):.0e}", "1e-9", max(spreads) <= 1e-9


def anchors(problems: int, folder: Path) -> Iterator[Line]:
    """Goals 3 and 4: oracle and TDS at the floor."""
    suite = override(
        load_suite("exact-full"), ("exact", "oracle-1000", "tds-250"), (TASK,), [*SOLVERS, *ANCHORS], images=problems
    )
    Runner(prepare(suite, Options()), folder, Observer()).run()
    records = read_records(folder)[0]

    def of(label: str, metric: str) -> Median:
        return median_interval(np.array([r.metrics[metric] for r in records if r.label == label]))

    oracle, mmd, tds = of("oracle-1000", "sw"), of("oracle-1000", "mmd"), of("tds-250", "sw")
    where = f"{TASK}, {problems} problems"
    yield f"3 oracle, 1000 NFE: SW2 / floor, {where}", interval(oracle), "upper end 1.5", oracle.high <= 1.5
    yield "3 oracle: MMD / prior's", interval(mmd), "0.03", mmd.median <= 0.03
    yield "4 TDS, 1000 particles, 250 NFE: SW2 / floor", interval(tds), "2", tds.median <= 2
    excess = of("tds-250", "mode_tv").median - of("exact", "mode_tv").median
    yield "4 TDS: mode TV above the floor", f"{excess:.3f}", "0.03", excess <= 0.03


def closed_forms() -> Iterator[Line]:
    """Goal 5: variance in unmeasured directions."""
    for found in limits():
        yield f"5 {found.name}", f"{found.variance:.4f}", f"{found.limit:.4f} +- {found.tolerance:.3g}", found.reached


def smoke(folder: Path) -> Iterator[Line]:
    """Goals 6 and 7: the small suite in time, and its tables complete."""
    start, cpu = time.perf_counter(), time.process_time()
    suite = load_suite("exact")
    plan = prepare(suite, Options())
    Runner(plan, folder, Observer()).run()
    render(folder, folder / "report")
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    measured = f"{cpu:.0f} s of processor time on {torch.get_num_threads()} threads, {seconds:.0f} s by the wall clock"
    yield "6 suite exact", measured, "60 s of one core", cpu < 60
    with (folder / "report" / "exact.csv").open() as file:
        lines = list(csv.DictReader(file))
    bare = sum(not math.isfinite(float(line["low"] or "nan")) for line in lines)
    lacking = [
        task.name for task in suite.tasks if not {"exact", "oracle"} <= {x["solver"] for x in lines if x["task"] == task.name}
    ]
    measured = f"{len(lines)} numbers, {bare} without an interval; {len(lacking)} tables without floor and oracle"
    yield "7 every number has an interval, every table its floor and oracle", measured, "0 and 0", not bare and not lacking


def interval(m: Median) -> str:
    """As in "1.02 [0.91, 1.20]"."""
    return f"{m.median:.3f} [{m.low:.3f}, {m.high:.3f}]"


def main() -> None:
    """Prints a line per goal; leaves with 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="6 problems instead of 20, and no mutants")
    quick = parser.parse_args().quick
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        goals = [laws(), *([] if quick else [mutants()]), exact_pieces(1 if quick else 6)]
        goals += [anchors(6 if quick else 20, Path(folder) / "anchors"), closed_forms(), smoke(Path(folder) / "smoke")]
        for goal, measured, bound, reached in itertools.chain.from_iterable(goals):
            missed += not reached
            print(f"{'reached' if reached else 'MISSED '}  {goal}: {measured}; bound {bound}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
