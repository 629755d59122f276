"""Colour and marker of every row, the same in all figures; together they name a row, at any number of rows.

The hues are told apart with any colour vision: the smallest OKLab distance of two of them is above .14 with
normal vision, protanopia, deuteranopia and tritanopia (Machado et al. 2009). More hues would be too alike, so
further methods share one and differ by marker.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count

from bench.report.rows import Row
from bench.report.tables import Table

HUES = ("#41587a", "#9f2f00", "#1b93a3", "#540930", "#a98e11", "#220188")
HUES_THEN = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
"""The hues of reports on runs whose manifests do not describe methods (Okabe and Ito 2008), so that they look
as they did."""
BASELINE = "#767676"
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")


def colours(tables: Sequence[Table]) -> dict[str, str]:
    """Row name -> colour: that of its method, or of the first of several methods that share a label."""
    palette = hues_of(tables)
    chosen: dict[str, str] = {}
    for row in _rows(tables):
        chosen.setdefault(row.name, palette[row.head.solver])
    return chosen


def hues_of(tables: Sequence[Table]) -> dict[str, str]:
    """Solver -> colour. Ours keep theirs, and what is no method is grey.

    A user's method takes a hue that the fewest others have, of these the last: not RED-diff's, the first.
    """
    rows = list(_rows(tables))
    methods = {row.head.solver: row.method for row in rows}
    hues = HUES if any(method.is_stated for method in methods.values()) else HUES_THEN
    chosen = {row.head.solver: BASELINE for row in rows if is_grey(row)}
    ours = {solver: method.colour for solver, method in methods.items() if solver not in chosen}
    chosen |= {solver: hues[place % len(hues)] for solver, place in ours.items() if place is not None}
    used = Counter(chosen.values())
    for solver in sorted(methods.keys() - chosen.keys(), key=lambda solver: (methods[solver].order, solver)):
        chosen[solver] = min(reversed(hues), key=used.__getitem__)
        used[chosen[solver]] += 1
    return chosen


def is_grey(row: Row) -> bool:
    """Whether a row is a baseline or an anchor."""
    return row.head.baseline or row.method.kind != "method"


def markers(tables: Sequence[Table]) -> dict[str, str]:
    """Row name -> marker: the first that no other row of its colour has. Rows of anchors choose last."""
    palette = colours(tables)
    used: set[tuple[str, str]] = set()
    chosen: dict[str, str] = {}
    for row in sorted(_rows(tables), key=lambda row: row.method.kind == "anchor"):
        if row.name not in chosen:
            hue = palette[row.name]
            chosen[row.name] = next(shape for shape in shapes() if (hue, shape) not in used)
            used.add((hue, chosen[row.name]))
    return chosen


def shapes() -> Iterator[str]:
    """Markers without end: first shapes, then numbers."""
    return chain(SHAPES, (f"${n}$" for n in count(len(SHAPES) + 1)))


def _rows(tables: Iterable[Table]) -> Iterator[Row]:
    for table in tables:
        yield from table.rows
