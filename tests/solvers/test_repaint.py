"""The route of RePaint through the levels, and what it refuses."""

from collections import Counter
from itertools import pairwise

import pytest

from bench.operators import make_operator
from solvers.repaint import RePaint


def moves(solver):
    """How many levels each move of a route spans, down counted positive, and how many levels there are."""
    visits = solver.visits()
    return Counter(there - here for here, there in pairwise(visits)), visits[-1]


def test_the_official_route_is_that_of_the_paper():
    """4570 transitions between neighbours; returns to ten levels above from each of 0, 10, ..., 230."""
    solver = RePaint(steps=2410, repeats=10, jump=10)
    spans, levels = moves(solver)
    assert (spans, levels) == ({1: 2410, -10: 9 * 24}, 250)
    assert sum(abs(span) * n for span, n in spans.items()) == 4570
    ends = {249 - here for here, there in pairwise(solver.visits()) if there < here}
    assert ends == set(range(0, 240, 10))


@pytest.mark.parametrize(("repeats", "jump"), [(1, 1), (5, 1), (3, 2), (10, 10)])
def test_all_evaluations_are_spent(repeats, jump):
    for steps in (1, 2, 3, 7, 10, 20, 99, 100):
        spans, levels = moves(RePaint(steps=steps, repeats=repeats, jump=jump))
        assert spans.keys() <= {1, -jump}
        assert (spans[1], spans[-jump] * jump) == (steps, steps - levels)


def test_returns_that_are_too_many_are_left_out_at_the_noisiest_levels():
    assert RePaint(steps=7, repeats=3).visits() == [0, 1, 0, 1, 0, 1, 2, 1, 2, 1, 2, 3]
    assert RePaint(steps=6, repeats=3).visits() == [0, 1, 0, 1, 2, 1, 2, 1, 2, 3]
    assert RePaint(steps=8, repeats=3).visits() == [0, 1, 2, 1, 2, 1, 2, 3, 2, 3, 2, 3, 4]


def test_it_takes_masks_alone():
    def reason(*name, **params):
        return RePaint().reject(make_operator(*name, **params), None)

    assert reason("inpaint_random", (1, 8, 8), range(2)) is None
    assert reason("denoise", (1, 8, 8), range(2)) is None
    pool, blur = reason("sr_average2", (1, 8, 8), [0]), reason("blur_motion", (1, 64, 64), [0])
    assert pool == (
        "RePaint needs singular values of 0 and 1, as masks have; SRAverage has others "
        "(MCG with zeta = 0 is its step for any linear A)"
    )
    assert "RePaint needs SVDOperator; BlurMotion is LinearOperator" in blur
