"""Points of equal cost stand beside each other, each as near to its place as the others let it."""

from hypothesis import given
from hypothesis import strategies as st

from bench.report.figures.axes.swarm import MOST, NEAR, swarm

PLACES = st.lists(st.tuples(st.sampled_from([1.0, 2.0]), st.floats(0, 2)), min_size=1, max_size=24)


@given(PLACES)
def test_no_point_hides_another_and_none_goes_far(places):
    shifts = swarm(places)
    moved = [(x + shift, y) for (x, y), shift in zip(places, shifts, strict=True)]
    assert all(abs(shift) <= MOST for shift in shifts)
    for i, (x, y) in enumerate(moved):
        for a, b in moved[:i]:
            assert abs(x - a) >= NEAR - 1e-9 or abs(y - b) >= NEAR or max(map(abs, shifts)) > MOST - 0.11


def test_points_that_do_not_touch_stay_where_they_are():
    assert swarm([(1, 0), (1, 1), (3, 0)]) == [0, 0, 0]
    assert swarm([(1, 0), (1, 0)]) == [0, 0.11]
