"""One colour per solver in all figures, distinguishable with any colour vision (Okabe and Ito 2008)."""

from collections.abc import Iterable

from bench.report.tables import Table
from bench.report.text import distinct

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
FIXED = {"red_diff": 0, "dps": 1, "pigdm": 2, "ddrm": 3, "mcg": 4, "ddnm": 5, "diffpir": 6, "daps": 7}
"""Known solvers keep their colour across reports; others take what is left, in alphabetical order."""
BASELINE = "#767676"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def colours(tables: Iterable[Table]) -> dict[str, str]:
    """Solver -> colour; baselines are grey."""
    heads = [row.head for table in tables for row in table.rows]
    baselines = {r.solver for r in heads if r.baseline}
    names = sorted({r.solver for r in heads} - baselines)
    taken = {FIXED[n] for n in names if n in FIXED}
    free = [i for i in range(len(PALETTE)) if i not in taken] or list(range(len(PALETTE)))
    others = [n for n in names if n not in FIXED]
    chosen = {n: FIXED[n] for n in names if n in FIXED} | {
        n: free[i % len(free)] for i, n in enumerate(others)
    }
    return {n: PALETTE[i] for n, i in chosen.items()} | dict.fromkeys(baselines, BASELINE)


def markers(tables: Iterable[Table]) -> dict[str, str]:
    """Row name -> marker, counted within its solver, so that colour and marker together name a row."""
    solver = {row.name: row.head.solver for table in tables for row in table.rows}
    rank = {name: [n for n in solver if solver[n] == solver[name]].index(name) for name in distinct(solver)}
    return {name: MARKERS[i % len(MARKERS)] for name, i in rank.items()}
