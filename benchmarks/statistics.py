"""Simulates what the marks and intervals of reports claim: errors, power and coverage.

    python benchmarks/statistics.py              # 4000 tables a cell: about an hour on one core
    python benchmarks/statistics.py --tables 400 # minutes

A table has rows of paired scores: an image's difficulty is 90 % of the variance.

- error: the share of tables in which some pair of equally good rows is told apart.
- found: of the rows that are worse by half a standard deviation of the paired difference, the share that is
  marked as worse than at least one row.
- pairs: the share of all pairs with that difference that are told apart.
- reachable: the same of a rule that is told which rows are equal, in every tenth table. It bounds what a rule
  that holds for all pairs at once can find.
- coverage: how often an interval holds the mean.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.stats.family import Family, Pairs, compare_all, sign_patterns
from bench.stats.intervals import mean_interval

IMAGES, ROWS, SMALLEST = (16, 32, 64, 100), (4, 10, 20), (6, 8, 16, 32, 64, 100)
SHARED = 0.9
"""Share of the variance that rows have in common."""
STEP = 0.5
"""Standard deviations of a paired difference by which the worse half of the rows is worse."""
Rng = np.random.Generator


def normal(rng: Rng, n: int, k: int) -> np.ndarray:
    """Standard normal scores."""
    return combined(rng.standard_normal, n, k)


def student(rng: Rng, n: int, k: int) -> np.ndarray:
    """Scores with three degrees of freedom."""
    return combined(partial(rng.standard_t, 3), n, k)


def lognormal(rng: Rng, n: int, k: int) -> np.ndarray:
    """Exponentials of normal scores."""
    return np.exp(normal(rng, n, k))


def combined(draw: Callable[..., np.ndarray], n: int, k: int) -> np.ndarray:
    """What an image adds to all rows, and what it adds to one, (n, k)."""
    return np.sqrt(SHARED) * draw(size=(n, 1)) + np.sqrt(1 - SHARED) * draw(size=(n, k))


KINDS = {"normal": normal, "lognormal": lognormal, "t3": student}


def compare(scores: np.ndarray) -> Family:
    """All pairs of columns, (n, k)."""
    rows = {f"{j}": {f"{i}": value for i, value in enumerate(column)} for j, column in enumerate(scores.T)}
    return compare_all(rows)


def simulate(kind: str, n: int, k: int, tables: int) -> dict[str, float]:
    """One cell: all rows equal, then half of them worse."""
    rng = np.random.default_rng([n, k, list(KINDS).index(kind)])
    pair = KINDS[kind](rng, 200_000, 2)
    step = STEP * float(np.std(pair[:, 0] - pair[:, 1]))
    worse = np.arange(k) >= k // 2
    across = worse[None, :] & ~worse[:, None]
    equal = half = found = pairs = 0.0
    told: list[float] = []
    for table in range(tables):
        scores = KINDS[kind](rng, n, k)
        equal += bool(compare(scores).beaten.any())
        beaten = compare(scores - step * worse).beaten
        half += bool((beaten & ~across).any())
        found += float((beaten & across).any(axis=0)[worse].mean())
        pairs += float(beaten[across].mean())
        if table % 10 == 0:
            told.append(reachable(scores - step * worse, worse))
    totals = {"error, equal": equal, "error, half worse": half, "found": found, "pairs": pairs}
    shares = {name: total / tables for name, total in totals.items()}
    return {"scores": kind, "n": n, "rows": k, **shares, "reachable": float(np.mean(told))}


def reachable(scores: np.ndarray, worse: np.ndarray) -> float:
    """The share of unequal pairs that a rule finds whose family is the equal ones only, which it is told."""
    first, second = np.triu_indices(len(worse), 1)
    differences, across = scores[:, first] - scores[:, second], worse[first] != worse[second]
    pairs = Pairs(differences)
    critical = Pairs(differences[:, ~across]).critical(sign_patterns(len(scores)))
    return float((np.abs(pairs.mean) > critical * pairs.error)[across].mean())


def coverage(kind: str, n: int, tables: int) -> dict[str, float]:
    """How often the interval of a mean holds it; scores of one row."""
    rng = np.random.default_rng([n, list(KINDS).index(kind)])
    draw = {"normal": rng.standard_normal, "t3": partial(rng.standard_t, 3)}
    truth = float(np.exp(0.5)) if kind == "lognormal" else 0.0
    held = 0
    for _ in range(tables):
        values = np.exp(rng.standard_normal(n)) if kind == "lognormal" else draw[kind](n)
        interval = mean_interval(values)
        held += interval.low <= truth <= interval.high
    return {"scores": kind, "n": n, "coverage": held / tables}


def main() -> None:
    """Runs the simulation and prints its tables; a CSV is written where asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=4000, help="simulated tables per cell; default: 4000")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the table of comparisons as CSV")
    args = parser.parse_args()
    held = pd.DataFrame([coverage(kind, n, args.tables) for kind, n in product(KINDS, SMALLEST)])
    print(
        held.pivot(index="n", columns="scores", values="coverage").to_string(float_format="%.3f"), flush=True
    )
    cells = []
    for cell in product(KINDS, IMAGES, ROWS):
        cells.append(simulate(*cell, tables=args.tables))
        print(
            " ".join(f"{v:.3f}" if isinstance(v, float) else f"{v}" for v in cells[-1].values()), flush=True
        )
        if args.out:
            pd.DataFrame(cells).to_csv(args.out, index=False)
    print(pd.DataFrame(cells).to_string(index=False, float_format="%.3f"))


if __name__ == "__main__":
    main()
