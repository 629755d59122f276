"""Scores six candidates per row and task by their distance to exact posteriors (tune_exact.yaml).

    python tools/tune_exact.py                  # two hours of one core; records are kept and not made again
    python tools/tune_exact.py dps --task d8-m2-s0.2

No suite evaluates these posteriors. The tool writes tools/tune_exact.csv, the median over problems of MMD
over the prior's, and prints the least of each. These are what the presets ``exact``, ``exact-50``,
``exact-20`` and those of PiGDM's other coefficient hold (tests/suites/test_presets.py compares). The table
that is stored was measured with version 1 of the distances, whose exact draws were others (CHANGELOG.md).
"""

import argparse
import csv
import sys
from itertools import product
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.plan.build import prepare  # noqa: E402
from bench.plan.options import Options  # noqa: E402
from bench.records.journal import read_records  # noqa: E402
from bench.records.record import Record  # noqa: E402
from bench.run.progress import Observer  # noqa: E402
from bench.run.runner import Runner  # noqa: E402
from bench.suites.changes import override  # noqa: E402
from bench.suites.suite import SolverRow, TaskRow, load_suite  # noqa: E402

GRIDS = {
    "dps": {"zeta": [0.03, 0.1, 0.3, 1, 3, 10]},
    "mcg": {"zeta": [0.03, 0.1, 0.3, 1, 3, 10]},
    "red_diff": {"lr": [0.1, 0.3, 1], "lam": [0.25, 1]},
    "ddrm": {"eta": [0, 0.25, 0.5, 0.7, 0.85, 1]},
    "ddnm": {"eta": [0, 0.25, 0.5, 0.7, 0.85, 1]},
    "diffpir": {"zeta": [0.1, 0.3, 1], "lam": [1, 3]},
    "pigdm": {"eta": [0, 0.25, 0.5, 0.7, 0.85, 1]},
    "daps": {"lr": [0.4, 0.8, 1.6], "ode_steps": [2, 5]},
}
"""Solver -> axes. The learning rate of DAPS is in units of the variance of y that it assumes, 0.16 at most:
beyond that its own r_t bounds it."""
ALSO_AT_50 = {"d2-m1-s0.2", "d8-m2-s0.2", "image16-blur-s0.05"}
"""The tasks of suite `exact`, whose rows have 50 steps."""
TABLE = Path(__file__).with_suffix(".csv")
COLUMNS = ("task", "row", "steps", "settings", "mmd", "best")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("solvers", nargs="*", metavar="SOLVER", help=f"of {', '.join(GRIDS)}; default all")
    parser.add_argument("--task", action="append", help="of tune_exact.yaml; default all")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "tune-exact")
    args = parser.parse_args()
    base = load_suite(str(Path(__file__).with_suffix(".yaml")))
    lines = []
    for task in base.tasks:
        if not args.task or task.name in args.task:
            flags = [
                f"{solver}.{name}={','.join(map(str, values))}"
                for solver in args.solvers or GRIDS
                for name, values in axes(solver, task).items()
            ]
            plan = prepare(override(base, flags, [task.name]), Options())
            Runner(plan, args.out, Observer()).run()
            cells = {cell.id for cell in plan.cells}
            records = [record for record in read_records(args.out)[0] if record.cell in cells]
            lines += [line for row in base.solvers for line in candidates(records, row, task)]
    for line in lines:
        if line[-1]:
            print("{:20} {:11} {:4} steps  {:32} {}".format(*line), flush=True)
    write(lines, [task.name for task in base.tasks])


def write(lines: list[tuple], tasks: list[str]) -> None:
    """Puts lines into the table, in place of those about the same task, row and steps."""
    with TABLE.open(newline="") as file:
        old = [(*line[:2], int(line[2]), *line[3:]) for line in list(csv.reader(file))[1:]]
    renewed = {line[:3] for line in lines}
    kept = [line for line in old if line[:3] not in renewed]
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *sorted([*kept, *lines], key=lambda line: tasks.index(line[0]))])


def axes(solver: str, task: TaskRow) -> dict[str, list]:
    """Parameter -> values that are tried."""
    grid = dict(GRIDS[solver])
    if solver == "daps":
        grid["lr"] = [round(value * min(task.noise_std**2, 0.16), 6) for value in grid["lr"]]
        grid["tau"] = [task.noise_std]
    return grid | {"steps": [100] + [50] * (task.name in ALSO_AT_50) + [20] * (solver == "ddrm")}


def candidates(records: list[Record], row: SolverRow, task: TaskRow) -> list[tuple]:
    """A line of the table per candidate that was run.

    The best of each number of steps is marked, of equal ones the first.
    """
    own = [r for r in records if r.label.partition("[")[0] == row.label]
    *names, _ = grid = axes(row.solver, task)
    lines = []
    for steps in grid["steps"]:
        scored = []
        for values in product(*(grid[name] for name in names)):
            wanted = {**dict(zip(names, values, strict=True)), "steps": steps}
            found = [
                r.metrics.get("mmd", float("inf"))
                for r in own
                if all(r.params[k] == v for k, v in wanted.items())
            ]
            if found:
                settings = " ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
                scored.append((median(found), settings))
        best = min(scored, default=None, key=lambda pair: pair[0])
        lines += [
            (task.name, row.label, steps, s, f"{mmd:.3f}", "<" if (mmd, s) == best else "")
            for mmd, s in scored
        ]
    return lines


if __name__ == "__main__":
    main()
