"""Points of a search space: what a search draws, and the parameters that it means."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bench.names import nearest
from bench.suites.tuning import Space, evaluate, names_in
from bench.suites.yamlfile import SuiteError

DIGITS = 3
"""Significant digits of a number that is tried, so that a preset can be read and written."""
NEAR = 0.05
"""Share of a range that counts as its edge."""
WIDER = 0.25
"""Share of its length, on its scale, by which a range grows at an end."""

Point = Mapping[str, Any]
"""Parameter -> a number of its range, in its unit, or one of its choices."""


@dataclass(frozen=True)
class Spaces:
    """The search space of a method on a family of tasks.

    Attributes:
        known: names that units may use beside searched parameters: fixed parameters, ``sigma`` and ``s``.

    Raises:
        SuiteError: a unit has an unknown name, or units depend on each other.
    """

    spaces: Mapping[str, Space]
    known: Mapping[str, float]

    def __post_init__(self) -> None:
        self.order()

    def order(self) -> list[str]:
        """The parameters, each behind those that its unit depends on."""
        left, order = list(self.spaces), list[str]()
        while left:
            ready = [name for name in left if not self._needs(name) & set(left)]
            if not ready:
                raise SuiteError(f"search: the units of {', '.join(left)} depend on each other")
            order += ready
            left = [name for name in left if name not in ready]
        return order

    def _needs(self, name: str) -> set[str]:
        """The searched parameters that a unit depends on."""
        needed = names_in(self.spaces[name].unit)
        for unknown in needed - self.spaces.keys() - self.known.keys():
            others = nearest(unknown, [*self.spaces, *self.known])
            raise SuiteError(f"search.{name}: unit has an unknown name '{unknown}'{others}")
        return needed & self.spaces.keys()

    def settings(self, point: Point) -> dict[str, Any]:
        """The parameters that a point means.

        Raises:
            SuiteError: a unit has no value there.
        """
        found: dict[str, Any] = {}
        for name in self.order():
            found |= self.settings_of(name, point[name], found)
        return {name: found[name] for name in self.spaces}

    def unit(self, name: str, settings: Mapping[str, Any]) -> float:
        """What a parameter's numbers are multiplied with, given the other parameters."""
        try:
            return evaluate(self.spaces[name].unit, {**self.known, **settings})
        except ValueError as error:
            raise SuiteError(f"search.{name}: {error}") from None

    def nearest_point(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The point that is nearest to settings; the middle of a range where one is no number."""
        point: dict[str, Any] = {}
        found: dict[str, Any] = {}
        for name in self.order():
            space, value = self.spaces[name], settings.get(name)
            if value is not None and not (space.choices or space.integer) and _is_number(value):
                value = value / self.unit(name, found)
            point[name] = _inside(space, value)
            found |= self.settings_of(name, point[name], found)
        return {name: point[name] for name in self.spaces}

    def settings_of(self, name: str, value: Any, others: Mapping[str, Any]) -> dict[str, Any]:
        """One parameter of a point, given those that its unit depends on."""
        space = self.spaces[name]
        plain = bool(space.choices) or space.integer
        return {name: value if plain else rounded(value * self.unit(name, others))}

    def size(self) -> float:
        """How many points there are; infinite where a range is not of whole numbers."""
        n = 1.0
        for space in self.spaces.values():
            n *= _count(space)
        return n

    def ends(self, point: Point) -> list[tuple[str, str]]:
        """The parameters that lie at an end of their range or choices, each with "low" or "high"."""
        found = []
        for name, space in self.spaces.items():
            if end := edge(space, point[name]):
                found.append((name, end))
        return found

    def edges(self, point: Point) -> list[tuple[str, str]]:
        """Those of them that lie at an end of a range that may be left."""
        found = []
        for name, end in self.ends(point):
            if not (self.spaces[name].firm or self.spaces[name].choices):
                found.append((name, end))
        return found

    def widened(self, name: str, end: str, allowed: Callable[[dict[str, Any]], bool]) -> "Spaces | None":
        """The spaces with a range that is longer at one end.

        Args:
            allowed: whether the method takes such parameters.

        Returns:
            None where the method's own range ends there, numbers do (whole ones on a log scale at 1), or a
            unit has no value.
        """
        space = wider(self.spaces[name], end)
        if space == self.spaces[name]:
            return None
        value = space.low if end == "low" else space.high
        others = Spaces({**self.spaces, name: space}, self.known)
        try:
            point = {**others.nearest_point({}), name: value}
            return others if allowed(others.settings(point)) else None
        except SuiteError:
            return None


def _count(space: Space) -> float:
    """How many values a space has."""
    if space.low is None or space.high is None:
        return len(space.choices)
    return space.high - space.low + 1 if space.integer else math.inf


def rounded(value: float) -> float:
    """A number of `DIGITS` digits."""
    return float(f"{value:.{DIGITS}g}")


def edge(space: Space, value: Any) -> str:
    """The end of a range near which a value lies, "low" or "high"; "" elsewhere.

    Choices have ends where they are numbers: the least and the greatest.
    """
    if space.low is None or space.high is None:
        numbers = ordered(space)
        if not numbers or value not in {numbers[0], numbers[-1]}:
            return ""
        return "low" if value == numbers[0] else "high"
    scale = math.log if space.scale == "log" else float
    share = (scale(value) - scale(space.low)) / (scale(space.high) - scale(space.low))
    if space.integer and value not in {space.low, space.high}:
        return ""
    if share <= NEAR:
        return "low"
    return "high" if share >= 1 - NEAR else ""


def ordered(space: Space) -> list[Any]:
    """The choices in increasing order; [] where they have none."""
    if any(isinstance(choice, (str, bool)) for choice in space.choices):
        return []
    return sorted(space.choices)


def wider(space: Space, end: str) -> Space:
    """The range, longer at one end by `WIDER` of its length; no whole number on a log scale is below 1."""
    assert space.low is not None and space.high is not None
    low, high = space.low, space.high
    if space.scale == "log":
        grown = low * (low / high) ** WIDER if end == "low" else high * (high / low) ** WIDER
    else:
        grown = low - WIDER * (high - low) if end == "low" else high + WIDER * (high - low)
    if space.integer:
        grown = min(round(grown), int(low) - 1) if end == "low" else max(round(grown), int(high) + 1)
        grown = max(grown, 1) if space.scale == "log" else grown
    else:
        grown = _beyond(space, end, grown)
    return replace(space, low=grown) if end == "low" else replace(space, high=grown)


def _beyond(space: Space, end: str, grown: float) -> float:
    """A new end of a range, rounded where that is still beyond the old end, which candidates have reached."""
    assert space.low is not None and space.high is not None
    old, sign = (space.low, -1) if end == "low" else (space.high, 1)
    if not math.isfinite(grown) or (grown == 0 and space.scale == "log"):
        return old
    return rounded(grown) if sign * rounded(grown) > sign * old else grown


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def _inside(space: Space, value: Any) -> Any:
    """The value of a space that is nearest to one; the middle of a range for what is no number."""
    if space.low is None or space.high is None:
        return value if space.contains(value) else space.choices[0]
    if not _is_number(value):
        middle = math.sqrt(space.low * space.high) if space.scale == "log" else (space.low + space.high) / 2
        return round(middle) if space.integer else rounded(middle)
    value = min(max(value, space.low), space.high)
    return round(value) if space.integer else value
