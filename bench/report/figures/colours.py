"""The look of every row, the same in all figures and on the page: hue and shape name its method, and what is
inside the shape tells rows of one method apart.

Six hues by four shapes are 24 methods. The hues are told apart with any colour vision: the smallest OKLab
distance of two of them is above .14 with normal vision, protanopia, deuteranopia and tritanopia (Machado et
al. 2009). More hues would be too alike.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.report.rows import Method, Row
from bench.report.tables import Table

HUES = ("#41587a", "#9f2f00", "#1b93a3", "#540930", "#a98e11", "#220188")
BASELINE = "#767676"
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Markers; the first four are those of 24 methods, the others those of the next 24."""
BLOCK = 24
"""Methods that need no more than four shapes."""
FILLED, HOLLOW = "full", "none"
INSIDE = (FILLED, HOLLOW, ".", "_", "|", "+", "x")
"""What is inside the shape of the rows of a method, in turn: nothing but colour, nothing, or a sign."""


@dataclass(frozen=True)
class Look:
    """How the points of a row look.

    Attributes:
        colour: as #rrggbb.
        marker: in matplotlib's words.
        inside: one of `INSIDE`, or a number as a marker.
    """

    colour: str
    marker: str
    inside: str = FILLED


def looks(tables: Sequence[Table]) -> dict[str, Look]:
    """Row name -> how it looks, in all tables alike; no two rows look the same.

    Of several methods that share a label the first counts.
    """
    places = place_methods(_methods(tables))
    used: Counter[str] = Counter()
    found: dict[str, Look] = {}
    greys: dict[str, str] = {}
    for row in _rows(tables):
        solver = row.head.solver
        if row.name in found:
            continue
        if solver in places:
            colour, marker = hue(places[solver]), shape(places[solver])
        else:
            colour, marker = BASELINE, greys.setdefault(solver, _shape(len(greys)))
        found[row.name] = Look(colour, marker, inside(used[solver]))
        used[solver] += 1
    return found


def colours(tables: Sequence[Table]) -> dict[str, str]:
    """Row name -> colour."""
    return {name: look.colour for name, look in looks(tables).items()}


def place_methods(
    methods: Mapping[str, Method | None], taken: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Solver -> its place, which decides about `hue` and `shape`.

    Ours have theirs. A user's method takes the last place of a hue that the fewest others have; RED-diff's,
    the first, only where no other is left.

    Args:
        methods: solver -> its method, None where nothing describes it; no baselines and anchors.
        taken: the places of others, which stay theirs.
    """
    found = dict(taken or {})
    for solver, method in methods.items():
        if method and method.colour is not None and method.colour not in found.values():
            found.setdefault(solver, method.colour)
    others = [solver for solver in methods if solver not in found]
    for solver in sorted(others, key=lambda solver: (_order(methods[solver]), solver)):
        found[solver] = _free_place(set(found.values()))
    return found


def hue(place: int) -> str:
    """The colour of a method."""
    return HUES[place % len(HUES)]


def shape(place: int) -> str:
    """The marker of a method: in each 24 places every pair of a hue and one of four shapes occurs once."""
    turn = place % len(HUES) + place % BLOCK // len(HUES)
    return _shape(turn % 4 + place // BLOCK * 4)


def inside(variant: int) -> str:
    """What is inside the shape of the row of a method, by its number among them."""
    return INSIDE[variant] if variant < len(INSIDE) else f"${variant + 1}$"


def is_grey(row: Row) -> bool:
    """Whether a row is a baseline or an anchor."""
    return row.head.baseline or row.method.kind != "method"


def _shape(place: int) -> str:
    """A marker: first shapes, then numbers."""
    return SHAPES[place] if place < len(SHAPES) else f"${place + 1}$"


def _order(method: Method | None) -> int:
    return method.order if method else 1000


def _free_place(taken: set[int]) -> int:
    used = Counter(hue(place) for place in taken)
    start = 0
    while taken.issuperset(range(start, start + BLOCK)):
        start += BLOCK
    free = set(range(start, start + BLOCK)) - taken
    return min(free, key=lambda place: (place == 0, used[hue(place)], -place))


def _methods(tables: Sequence[Table]) -> dict[str, Method]:
    """Solver -> its method, for rows that are no baselines and no anchors."""
    return {row.head.solver: row.method for row in _rows(tables) if not is_grey(row)}


def _rows(tables: Iterable[Table]) -> Iterator[Row]:
    for table in tables:
        yield from table.rows
