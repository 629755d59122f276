"""Points of a search space: parameters, units, ends."""

import pytest

from bench.suites.tuning import Space
from bench.tune.candidates.points import Spaces, edge, wider

SPACES = {
    "lr": Space(0.01, 0.9, "log", unit="2 * tau**2 / s**2", firm=True),
    "tau": Space(0.1, 4, "log", unit="sigma"),
    "steps": Space(1, 20, integer=True),
    "mode": Space(choices=("b", "a")),
}


def test_units_bound_a_parameter_by_another_one():
    """The parameter that a bound depends on may come later in the card."""
    spaces = Spaces(SPACES, {"sigma": 0.2, "s": 0.5})
    point = {"lr": 0.5, "tau": 2.0, "steps": 3, "mode": "a"}
    assert spaces.settings(point) == {"lr": 0.64, "tau": 0.4, "steps": 3, "mode": "a"}
    assert list(spaces.settings(point)) == list(SPACES)
    back = spaces.nearest_point(spaces.settings(point))
    assert back == point | {"lr": pytest.approx(0.5)}
    outside = spaces.nearest_point({"lr": 100.0, "tau": 0.4, "steps": 50, "mode": "c"})
    assert outside == {"lr": 0.9, "tau": 2.0, "steps": 20, "mode": "b"}, "what is outside is brought in"
    middle = spaces.nearest_point({})
    assert middle["lr"] == pytest.approx(0.0949, abs=1e-4) and middle["steps"] == 10


def test_ends_are_near_on_their_own_scale():
    log, linear, whole = Space(0.01, 100, "log"), Space(0, 10), Space(1, 20, integer=True)
    assert [edge(log, value) for value in (0.015, 0.05, 50, 70)] == ["low", "", "", "high"]
    assert [edge(linear, value) for value in (0.4, 0.6, 9.4, 9.6)] == ["low", "", "", "high"]
    assert [edge(whole, value) for value in (1, 2, 19, 20)] == ["low", "", "", "high"]
    numbers, words = Space(choices=(3, 1, 2)), Space(choices=("a", "b"))
    assert [edge(numbers, value) for value in (1, 2, 3)] == ["low", "", "high"] and edge(words, "a") == ""
    point = {"lr": 0.9, "tau": 0.1, "steps": 20, "mode": "a"}
    spaces = Spaces(SPACES, {"sigma": 1, "s": 1})
    assert spaces.edges(point) == [("tau", "low"), ("steps", "high")], "a firm end is not moved"
    assert ("lr", "high") in spaces.ends(point)


def test_a_range_grows_by_a_quarter_on_its_own_scale():
    log, linear, whole = Space(0.01, 100, "log"), Space(0, 10), Space(2, 4, integer=True)
    assert (wider(log, "high").high, wider(log, "low").low) == (1000, 0.001)
    assert (wider(linear, "high").high, wider(linear, "low").low) == (12.5, -2.5)
    assert (wider(whole, "high").high, wider(whole, "low").low) == (5, 1)
    assert type(wider(Space(1, 9, integer=True), "high").high) is int


def test_whole_numbers_on_a_log_scale_end_at_1():
    spaces = Spaces({"steps": Space(2, 20, "log", integer=True)}, {})
    wider_spaces = spaces.widened("steps", "low", lambda params: True)
    assert wider_spaces is not None and wider_spaces.spaces["steps"].low == 1
    assert wider_spaces.widened("steps", "low", lambda params: True) is None


def test_a_longer_range_holds_the_shorter_one():
    """Also where rounding would come back, as at 0.995 .. 0.9995; candidates have reached the old end."""
    ranges = [(0.995, 0.9995), (99.91, 100.1), (1.0001, 1.0002), (-1.0002, -1.0001), (1, 1.7e308)]
    for low, high in ranges:
        for scale in ("linear", "log") if low > 0 else ("linear",):
            space = Space(low, high, scale)
            for end in ("low", "high"):
                grown = wider(space, end)
                assert grown.low <= low < high <= grown.high and abs(grown.high) < float("inf")


def test_a_range_ends_where_the_unit_of_another_one_does():
    """Half of b reaches below 0 where b grows; there c has no value."""
    spaces = Spaces({"b": Space(0, 8), "c": Space(1, 2, unit="b")}, {})
    assert spaces.widened("b", "low", lambda params: True) is None
    assert spaces.widened("b", "high", lambda params: True) is not None


def test_defaults_that_are_no_numbers_of_a_range_are_its_middle():
    spaces = Spaces({"a": Space(1, 100, "log"), "n": Space(2, 8, integer=True)}, {})
    for value in ("auto", None, True, float("nan")):
        assert spaces.nearest_point({"a": value, "n": value}) == {"a": 10, "n": 5}
    assert spaces.nearest_point({"a": 2, "n": 2.6}) == {"a": 2, "n": 3}
