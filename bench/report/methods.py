"""What a report says of a method beside its numbers: kind, order, colour and paper, from the manifest."""

from dataclasses import dataclass

from bench.records.manifest import RowEntry
from bench.records.record import Record
from bench.records.words import known_method


@dataclass(frozen=True)
class Method:
    """The method of a row, as the manifest of its run describes it.

    Attributes:
        kind: "method", "baseline" or "anchor".
        order: place in tables and lists.
        colour: place among our methods of this kind; None for a user's.
        title: the title of its paper; "" where no manifest says.
        paper: as `bench.report.text.citation` takes it.
        is_stated: whether a manifest describes it. If not, kind, order and colour are those of the versions
            that kept no such description.
    """

    kind: str
    order: int
    colour: int | None
    title: str = ""
    paper: str = ""
    is_stated: bool = False


def method_of(record: Record, entry: RowEntry | None) -> Method:
    """The method of a record.

    Args:
        entry: the row of a manifest that lists the record's cell and describes its method; None without any.
    """
    if entry is None or entry.kind is None:
        return Method(*known_method(record.solver, record.baseline), paper=record.paper)
    return Method(
        kind=entry.kind,
        order=entry.order or 0,
        colour=entry.colour,
        title=entry.title or "",
        paper=entry.paper or record.paper,
        is_stated=True,
    )
