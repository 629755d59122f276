"""Scores six candidates per solver by their distance to exact posteriors that no suite evaluates (tools/tune_exact.yaml).

    python tools/tune_exact.py dps ddrm --steps 100

Prints the median over problems of MMD over the prior's; the presets ``exact`` in bench/presets/ hold the least, for each of the
two tasks. Records are kept and not made again.
"""

import argparse
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.prepare import Options, prepare  # noqa: E402
from bench.progress import Observer  # noqa: E402
from bench.records import read_records  # noqa: E402
from bench.runner import Runner  # noqa: E402
from bench.suites import load_suite, override  # noqa: E402

GRIDS = {
    "dps": {"zeta": [0.03, 0.1, 0.3, 1, 3, 10]},
    "mcg": {"zeta": [0.03, 0.1, 0.3, 1, 3, 10]},
    "red_diff": {"lr": [0.1, 0.3, 1], "lam": [0.25, 1]},
    "ddrm": {"eta": [0, 0.25, 0.5, 0.7, 0.85, 1]},
    "ddnm": {"eta": [0, 0.25, 0.5, 0.7, 0.85, 1]},
    "diffpir": {"zeta": [0.1, 0.3, 1], "lam": [1, 3]},
    "pigdm": {"coefficient": ["paper", "score"], "eta": [0.5, 0.8, 1]},
    "daps": {"lr": [0.4, 0.8, 1.6], "ode_steps": [2, 5]},
}
"""Solver -> axes; the learning rate of DAPS is in units of sigma^2, the variance of y that it assumes."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("solvers", nargs="*", metavar="SOLVER", help=f"of {', '.join(GRIDS)}; default all")
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 50])
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "tune-exact")
    args = parser.parse_args()
    base = load_suite(str(Path(__file__).with_suffix(".yaml")))
    for solver in args.solvers or GRIDS:
        for task in base.tasks:
            scale = task.noise_std**2 if solver == "daps" else 1
            axes = {name: [v * scale if name == "lr" else v for v in values] for name, values in GRIDS[solver].items()}
            axes["steps"] = args.steps
            flags = [f"{solver}.{name}={','.join(map(str, values))}" for name, values in axes.items()]
            plan = prepare(override(base, flags, [task.name]), Options())
            Runner(plan, args.out, Observer()).run()
            report(read_records(args.out)[0], solver, task.name, axes)


def report(records: list, solver: str, task: str, axes: dict[str, list]) -> None:
    """A line per candidate, the best of each number of steps marked."""
    found: dict[tuple, list[float]] = {}
    for record in (r for r in records if (r.solver, r.task) == (solver, task)):
        values = tuple(record.params[name] for name in axes)
        if all(any(v == known for known in axes[name]) for name, v in zip(axes, values, strict=True)):
            found.setdefault(values, []).append(record.metrics.get("mmd", float("inf")))
    medians = {values: median(scores) for values, scores in found.items()}
    for values, score in medians.items():
        best = score == min(m for v, m in medians.items() if v[-1] == values[-1])
        settings = ", ".join(f"{name} {v:g}" if name != "coefficient" else v for name, v in zip(axes, values, strict=True))
        print(f"{task:12} {solver:9} {settings:40} mmd {score:.3f}{'  <' if best else ''}", flush=True)


if __name__ == "__main__":
    main()
