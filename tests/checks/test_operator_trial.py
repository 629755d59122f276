"""The problem on which operators are tried, and what counts as a difference."""

import pytest
import torch

from bench.checks.operator_trial import SEEDS, OperatorTrial, answers, apart, gap
from bench.operators import OPERATORS
from bench.operators.masks import Denoise


def test_a_trial_has_the_first_shape_that_the_operator_takes(monkeypatch):
    def vectors_only(shape, seeds):
        if len(shape) != 1:
            raise ValueError("takes vectors only")
        return Denoise(shape, seeds)

    monkeypatch.setitem(OPERATORS, "vectors_only", vectors_only)
    box, vector = OperatorTrial("inpaint_box"), OperatorTrial("vectors_only")
    assert box.shape == (3, 16, 16) and vector.shape == (16,)
    assert box.x.shape == box.z.shape == (len(SEEDS), 3, 16, 16) and box.x.dtype == torch.float64
    assert not torch.equal(box.x, box.z) and torch.equal(box.x, OperatorTrial("inpaint_box").x)


def test_no_data_where_nothing_is_measured():
    trial = OperatorTrial("inpaint_box")
    assert (trial.v[~trial.A.measured] == 0).all() and trial.v[trial.A.measured].any()


def test_a_refusal_is_that_of_the_first_shape(monkeypatch):
    def square(shape, seeds):
        raise ValueError(f"not {shape}")

    monkeypatch.setitem(OPERATORS, "square", square)
    with pytest.raises(ValueError, match=r"not \(3, 16, 16\)"):
        OperatorTrial("square")


def test_differences_are_relative_to_the_largest_value():
    a = torch.tensor([1000.0, 1.0], dtype=torch.float64)
    assert gap(a + 1, a) == pytest.approx(1e-3) and gap(a[1:] * 1e-9, a[1:] * 5e-10) == pytest.approx(1)
    assert apart("a and b differ", a * (1 + 1e-12), a) is None
    assert apart("a and b differ", a * 1.5, a) == "a and b differ by up to 0.5 of the largest value"
    assert apart("a and b differ", a[:1], a) == "a and b differ: shapes (1,) and (2,)"
    assert apart("a and b differ", a * torch.nan, a), "not a number is a difference"


def test_answers_are_all_that_the_class_offers():
    found = {}
    for name in ("jpeg", "denoise", "phase_retrieval"):
        trial = OperatorTrial(name)
        found[name] = set(answers(trial.A, trial.x, trial.v))
    assert found["jpeg"] == {"A(x)", "guess(y)", "pinv(y)"}
    assert found["phase_retrieval"] == {"A(x)", "guess(y)", "the pullback"}
    assert found["denoise"] == {
        "A(x)", "guess(y)", "the pullback", "pinv(y)", "adjoint(v)", "pinv(y, damping)"
    }  # fmt: skip


def test_the_pseudo_inverse_of_a_trial_runs_to_its_end():
    trial = OperatorTrial("blur_motion")
    assert trial.exact.rcond < trial.A.rcond and trial.exact.max_iterations > trial.A.max_iterations
    assert torch.equal(trial.exact(trial.x), trial.A(trial.x))
