"""What a user's code raised is said in a line, with the place in the user's code."""

import json

import pytest
import torch

from bench.schedule import VPSchedule
from bench.system.code.raised import what, where


def test_an_exception_on_one_line():
    assert what(ValueError("one\n  two")) == "ValueError: one two"
    assert what(KeyError()) == "KeyError"


@pytest.mark.parametrize(
    "call",
    [
        lambda: {}["gone"],
        lambda: json.loads("{"),
        lambda: torch.nn.Linear(2, 2)(torch.zeros(3)),
        lambda: VPSchedule().level("x"),
    ],
    ids=["itself", "in the standard library", "in an installed package", "in bench"],
)
def test_the_line_is_the_users_wherever_it_was_raised(call):
    with pytest.raises((KeyError, ValueError, RuntimeError, IndexError)) as caught:
        call()
    assert where(caught.value) == f" (test_raised.py:{call.__code__.co_firstlineno})"


def test_what_no_users_line_raised_has_no_place():
    assert where(ValueError("never raised")) == ""
