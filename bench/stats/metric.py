"""How a metric is printed and read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric's column in a table, and how to read it.

    Attributes:
        label: heading of its column.
        decimals: digits after the point.
        higher_is_better: None where neither direction is (a misfit should be near 1).
        note: what a reader must know to compare the number with another paper's; printed under the table.
        rev: raised whenever the number changes for the same images; part of a record.
        scale: factor of the printed number.
    """

    label: str
    decimals: int
    higher_is_better: bool | None
    note: str
    rev: int = 1
    scale: float = 1.0
