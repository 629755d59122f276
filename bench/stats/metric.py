"""How a metric is printed and read."""

from dataclasses import dataclass


def printed(value: float, spec: str, sign: str = "") -> str:
    """A number with a true minus and ∞; one that is rounded to zero has no sign.

    Args:
        spec: its format, as ".2f".
        sign: "+" to show the sign of positive numbers, too.

    >>> printed(-0.0004, ".3f"), printed(-0.4, ".1f"), printed(0.0004, ".3f", "+"), printed(0.4, ".1f", "+")
    ('0.000', '−0.4', '0.000', '+0.4')
    """
    text = f"{value:{sign}z{spec}}"
    if sign and float(text) == 0:
        text = text.removeprefix("+")
    return text.replace("-", "−").replace("inf", "∞")


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
    note: str = ""
    rev: int = 1
    scale: float = 1.0

    @property
    def better(self) -> int:
        """The direction as a sign: 1 where higher is better, -1 where lower is, 0 where neither is."""
        if self.higher_is_better is None:
            return 0
        return 1 if self.higher_is_better else -1

    @property
    def format(self) -> str:
        """The format of a printed number, as ".2f"."""
        return f".{self.decimals}f"

    def show(self, value: float, sign: str = "") -> str:
        """Print a value; with sign "+" also a positive one has its sign."""
        return printed(value * self.scale, self.format, sign)
