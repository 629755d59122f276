"""Faults of a user's operator are told before a run, with what was seen."""

import pytest
import torch

from bench.checks.try_out import try_out
from bench.operators import OPERATORS, make_operator
from tests.checks.test_operator import FLIP


def flip(tmp_path, text):
    (tmp_path / "flip.py").write_text(text)
    return make_operator(f"{tmp_path}/flip.py:Flip", (1, 8, 8), [0])


@pytest.mark.parametrize("name", OPERATORS)
def test_ours_pass(name):
    if name == "matrix":
        pytest.skip("takes a file")
    shape = (3, 32, 32) if name == "grey" else (1, 32, 32)
    try:
        A = make_operator(name, shape, [0])
    except ValueError as error:
        pytest.skip(str(error))
    try_out(A)


def test_a_good_one_passes(tmp_path):
    try_out(flip(tmp_path, FLIP.format(factor=1.0)))


def test_faults_are_told(tmp_path, monkeypatch):
    A = flip(tmp_path, FLIP.format(factor=1.0))
    faults = {
        "forward": (
            lambda A, x: x[..., 1:],
            r"Flip\.forward gave \(1, 1, 8, 7\), expected \(B, \*out_shape\)",
        ),
        "display": (lambda A, y: torch.zeros(1, 2, 8, 8), r"Flip\.display\(y\) must be an image of 1 or 3"),
        "conventions": (lambda A: {}["gone"], "Flip raised KeyError: 'gone'; `python -m bench check`"),
    }
    for method, (wrong, says) in faults.items():
        with monkeypatch.context() as patch, pytest.raises(ValueError, match=says):
            patch.setattr(type(A), method, wrong, raising=False)
            try_out(A)
