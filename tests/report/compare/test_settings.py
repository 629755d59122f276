"""What differs beside the results."""

from bench.report.compare.settings import Difference, common, differences
from bench.report.compare.sides import Pair
from bench.report.rows import Row
from tests.made_record import make


def found(a, b):
    return differences(Pair("t", "T", "r", Row("r", (make(0, **a),)), Row("r", (make(0, **b),))))


def test_a_fact_is_named_with_its_kind_and_both_values():
    assert found({"solver_rev": 1}, {"solver_rev": 2}) == [Difference("code", "solver_rev", "1", "2")]
    assert found({"params": {"eta": 1.0}}, {"params": {"eta": 1.0, "zeta": 2}}) == [
        Difference("settings", "params.zeta", "none", "2")
    ]
    long = found({"weights_sha256": "a" * 64}, {"weights_sha256": "b" * 64})
    assert long == [Difference("settings", "weights_sha256", "a" * 12, "b" * 12)]
    assert found({}, {}) == []


def test_more_samples_of_an_image_change_its_mean_and_are_named():
    one, two = Row("r", (make(0),)), Row("r", (make(0), make(0, sample=1)))
    (only,) = differences(Pair("t", "T", "r", one, two))
    assert only == Difference("settings", "samples of an image", "1", "2")


def test_of_other_solvers_only_common_parameters_count():
    names = [
        one.name for one in found({"params": {"a": 1, "c": 1}}, {"solver": "x", "params": {"b": 1, "c": 2}})
    ]
    assert names == ["solver", "params.c"]


def test_what_all_rows_have_in_common_is_found():
    one, other = Difference("code", "x", "1", "2"), Difference("code", "y", "1", "2")
    assert common({"a": [one, other], "b": [one]}) == [one] and common({}) == []
