"""What tuning may try of a parameter, and what it found: the entries ``search`` and ``tuned`` of a card.

    search:
      zeta: {low: 0.01, high: 30, scale: log}                       # a range
      ode_steps: {low: 1, high: 20, integer: true}
      step: {choices: [norm, squared]}
      tau: {low: 0.1, high: 10, scale: log, unit: sigma}            # in units of the noise
      lr: {low: 0.01, high: 0.9, scale: log, unit: 2 * tau**2 / s**2, firm: true}     # shares of a bound

A unit is made of numbers, + - * / **, min, max and of names: other parameters of the method, ``sigma``, the
standard deviation of the noise, and ``s``, the largest singular value of A (of its Jacobian, where A is not
linear).
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import PlainValidator

OPERATIONS: dict[type, Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
FUNCTIONS: dict[str, Callable[..., float]] = {"min": min, "max": max}
MOST_CHARACTERS = 200
"""Length of a unit, at most."""


def _number(value: Any) -> Any:
    """Numbers only, whole ones as they are."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("expected a finite number, such as 30 or 1e-4")
    return value


def _is_plain(value: Any) -> bool:
    """Whether it is a text, a finite number or a truth value."""
    return isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value))


def _typed(value: Any) -> tuple[bool, Any]:
    """What compares as a value of YAML does: true is not 1."""
    return isinstance(value, bool), value


Number = Annotated[float, PlainValidator(_number)]


@dataclass(frozen=True)
class Space:
    """The values of one parameter that a search may try: a range of numbers, both ends included, or choices.

    Raises:
        ValueError: neither or both are given, the range is empty or reaches 0 on a logarithmic scale, a whole
            number has an end that is none, or there is no choice between at least two different values.
    """

    low: Number | None = None
    high: Number | None = None
    scale: Literal["linear", "log"] = "linear"
    integer: bool = False
    choices: tuple[Any, ...] = ()
    unit: str = ""
    """What a range's numbers are multiplied with, a formula of other parameters, sigma and s; "" is 1."""
    firm: bool = False
    """Whether the ends of the range are bounds, so that no search goes beyond them."""

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        reason = self._wrong_choices() if self.choices else self._wrong_range()
        if reason:
            raise ValueError(reason)

    def _wrong_range(self) -> str:
        """Why the range cannot be searched; "" where it can."""
        if self.low is None or self.high is None:
            return "needs low and high, or choices"
        if self.low >= self.high:
            return f"low must be below high, but {self.low} is not below {self.high}"
        if self.scale == "log" and self.low <= 0:
            return f"low must be above 0 on a log scale, but is {self.low}"
        if self.integer and not (isinstance(self.low, int) and isinstance(self.high, int)):
            return "low and high of an integer must be whole numbers"
        if self.integer and self.unit:
            return "a whole number has no unit"
        return wrong_formula(self.unit)

    def _wrong_choices(self) -> str:
        """Why the choices cannot be searched; "" where they can."""
        given = (self.low, self.high, self.scale, self.integer, self.unit, self.firm)
        if given != (None, None, "linear", False, "", False):
            return "choices stand alone, without low, high, scale, integer, unit and firm"
        if not all(map(_is_plain, self.choices)):
            return "choices are texts, finite numbers, true or false"
        if len(self.choices) < 2 or len(set(map(str, self.choices))) < len(self.choices):
            return "needs at least two choices, all written differently"  # rows are called by them
        return ""

    def contains(self, value: Any) -> bool:
        """Whether a search may try this value."""
        if self.low is None or self.high is None:
            return _typed(value) in map(_typed, self.choices)
        kinds = (int,) if self.integer else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def at_edge(self, value: Any) -> bool:
        """Whether a value is the least or the greatest of a range, so that a better one may lie beyond.

        Choices have no edge.
        """
        return any(end is not None and math.isclose(value, end) for end in (self.low, self.high))


@dataclass(frozen=True)
class Tuning:
    """Where settings of a preset come from: the search that found them, and what they scored."""

    objective: str
    score: Number
    """On ``fresh``, images that the search did not see: a search flatters what it chooses."""
    search_score: Number
    """On ``images``, by which it was chosen."""
    budget: int
    """Evaluations that the search might spend, backward passes counted as evaluations."""
    spent: int
    candidates: int
    """How many were tried."""
    images: str
    """The data set with places in its list, from 1: fashion32_tune:1-16."""
    fresh: str
    tasks: tuple[str, ...]
    date: str
    """ISO 8601, UTC."""
    code: str = ""
    """Commits of the records, the oldest first; "-dirty" behind one whose code was changed."""
    optuna: str = ""
    """Its version."""
    sampler: str = ""
    """Whom of Optuna's the search asked behind its start; "" was TPESampler."""
    remarks: tuple[str, ...] = ()
    """Ranges that were widened, and values at the edge of one."""

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid"}


def wrong_formula(text: str) -> str:
    """Why a text is no unit; "" where it is one, or empty."""
    try:
        names_in(text)
    except ValueError as error:
        return str(error)
    return ""


def names_in(unit: str) -> set[str]:
    """The names that a unit depends on.

    Raises:
        ValueError: it is no formula of the kind that units are.

    >>> sorted(names_in("2 * tau**2 / s**2"))
    ['s', 'tau']
    """
    return {node.id for node in ast.walk(_parse(unit)) if isinstance(node, ast.Name)} - FUNCTIONS.keys()


def evaluate(unit: str, values: Mapping[str, float]) -> float:
    """The number that a unit stands for; 1 for "".

    Args:
        values: of the names in it.

    Raises:
        ValueError: it is no formula, a name has no number, or the result is not above 0.

    >>> evaluate("min(sigma**2, 0.16)", {"sigma": 0.5})
    0.16
    """
    try:
        value = float(_value(_parse(unit).body, values))
    except KeyError as error:
        raise ValueError(f"unit '{unit}': {error.args[0]} is no number that is known here") from None
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"unit '{unit}': {error}") from None
    if not 0 < value < math.inf:
        raise ValueError(f"unit '{unit}' is {value:g}; it must be above 0 and finite")
    return value


def _parse(unit: str) -> ast.Expression:
    """The tree of a unit, made of what units may have only."""
    try:
        if len(unit) > MOST_CHARACTERS:
            raise ValueError
        tree = ast.parse(unit.strip() or "1", mode="eval")
    except (SyntaxError, ValueError):
        raise ValueError("unit must be a formula such as 2 * tau**2 / s**2") from None
    _refuse_others(tree.body)
    return tree


def _refuse_others(node: ast.expr) -> None:
    """Refuses what is no part of a unit."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        parts = [node.left, node.right]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        parts = [node.operand]
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in FUNCTIONS and not node.keywords:
        parts = node.args
    elif isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and type(node.value) in {int, float}):
        parts = []
    else:
        raise ValueError(f"unit has '{ast.unparse(node)}'; it may have numbers, names, + - * / **, min, max")
    for part in parts:
        _refuse_others(part)


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    """The value of a part of a unit."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, (int, float))
        return float(node.value)
    if isinstance(node, ast.Name):
        return float(values[node.id])
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, values)
    if isinstance(node, ast.BinOp):
        return OPERATIONS[type(node.op)](_value(node.left, values), _value(node.right, values))
    assert isinstance(node, ast.Call)
    arguments = [_value(part, values) for part in node.args]
    return FUNCTIONS[ast.unparse(node.func)](*arguments)
