"""The time that is left, and how it is told."""

from types import SimpleNamespace

from bench.run.progress import Estimator, duration
from tests.made_record import make


def cell(label, **changes):
    about = {"label": label, "reason": None, "steps": 4, "samples_per_problem": 1}
    return SimpleNamespace(**about | {"prior": SimpleNamespace(name="p")} | changes)


def test_estimates_are_by_row():
    ddrm, dps = cell("ddrm"), cell("dps")
    record = make(label="ddrm", seconds=2.0, nfe=4)
    estimator = Estimator([record, make(label="dps", seconds=8.0, nfe=4, vjps=4)])
    assert estimator.left([(ddrm, 3), (dps, 2)]) == 3 * 2 + 2 * 8
    assert Estimator([]).left([(ddrm, 1)]) is None and Estimator([]).left([(ddrm, 0)]) == 0
    assert Estimator([make(label="other", seconds=2.0, nfe=4)]).left([(ddrm, 1)]) == 2.0
    assert estimator.left([(cell("mine", reason="no"), 5)]) == 0
    assert estimator.left([(cell("mine", steps=None), 1)]) is None


def test_a_record_of_several_samples_counts_them_all():
    several = make(label="ddrm", seconds=2.0, samples_per_problem=10)
    assert Estimator([several]).left([(cell("ddrm", samples_per_problem=10), 3)]) == 3 * 10 * 2


def test_durations_are_told_in_the_largest_two_units():
    seconds = (None, 4.2, 59.6, 200, 7500)
    assert [duration(s) for s in seconds] == ["?", "4 s", "1 min 00 s", "3 min 20 s", "2 h 05 min"]
