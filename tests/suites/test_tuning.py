"""What tuning may try: values, ends and units."""

import pytest

from bench.suites.tuning import Space, evaluate, names_in


def test_a_space_knows_its_values():
    space = Space(0.1, 10, "log")
    assert space.contains(0.1) and space.contains(1) and not space.contains(11)
    assert not space.contains(True) and not space.contains("1")
    assert space.at_edge(0.1) and space.at_edge(10) and not space.at_edge(1)
    whole = Space(1, 20, integer=True)
    assert whole.contains(5) and not whole.contains(5.0) and whole.at_edge(20)
    choices = Space(choices=("norm", 1, False))
    assert choices.contains("norm") and choices.contains(1.0)
    assert not choices.contains(True) and not choices.contains(0)
    assert not choices.at_edge("norm")


def test_a_unit_is_arithmetic_and_nothing_else():
    values = {"tau": 0.5, "s": 2, "sigma": 3}
    assert evaluate("2 * tau**2 / s**2", values) == 0.125
    assert evaluate("min(sigma, -s + 4) - 1.5", values) == 0.5
    assert evaluate("", {}) == 1 and names_in("max(a, 2) + b") == {"a", "b"}
    for unit in ("open('x')", "a.b", "[1]", "1 if a else 2", "a < b", "'a' * 9", "lambda: 1", "a" * 201):
        with pytest.raises(ValueError, match="unit"):
            names_in(unit)
    for unit, reason in {
        "r": "r is no number that is known here",
        "1 / (s - 2)": "division by zero",
        "s - 2": "is 0; it must be above 0",
        "9.0**9**9": "unit",
    }.items():
        with pytest.raises(ValueError, match=reason):
            evaluate(unit, values)
