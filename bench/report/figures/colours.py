"""One colour per solver in all figures, distinguishable with any colour vision (Okabe and Ito 2008)."""

from collections import Counter
from collections.abc import Iterable
from itertools import cycle

from bench.report.tables import Table

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
FIXED = dict(
    zip(("red_diff", "dps", "pigdm", "ddrm", "mcg", "ddnm", "diffpir", "daps"), PALETTE, strict=True)
)
"""Solvers that keep their colour across reports; others take what is left, in alphabetical order."""
BASELINE = "#767676"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def colours(tables: Iterable[Table]) -> dict[str, str]:
    """Solver -> colour; baselines are grey."""
    solvers: set[str] = set()
    baselines: set[str] = set()
    for table in tables:
        for row in table.rows:
            kind = baselines if row.head.baseline else solvers
            kind.add(row.head.solver)
    others = sorted(solvers - baselines - FIXED.keys())
    chosen = {name: colour for name, colour in FIXED.items() if name in solvers}
    free = [colour for colour in PALETTE if colour not in chosen.values()] or PALETTE
    chosen |= zip(others, cycle(free), strict=False)
    return chosen | dict.fromkeys(sorted(baselines), BASELINE)


def markers(tables: Iterable[Table]) -> dict[str, str]:
    """Row name -> marker, counted within its solver, so that colour and marker together name a row."""
    solvers = {row.name: row.head.solver for table in tables for row in table.rows}
    used: Counter[str] = Counter()
    chosen = {}
    for name, solver in solvers.items():
        chosen[name] = MARKERS[used[solver] % len(MARKERS)]
        used[solver] += 1
    return chosen
