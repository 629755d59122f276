"""Options: deterministic runs solve one image at a time, and few options are part of a key."""

import pytest
import torch

from bench.plan.options import BATCH, KEPT, Options, make_options, mode


def test_deterministic_runs_solve_one_image_at_a_time():
    assert make_options().batch == Options().batch == BATCH
    assert make_options(deterministic=True).batch == 1
    assert make_options(3).batch == 3
    with pytest.raises(ValueError, match="--deterministic solves one image at a time; leave --batch out"):
        make_options(4, deterministic=True)


def test_dtype_and_limit_are_part_of_the_key():
    assert Options().numerics == {"dtype": "float32"}
    assert Options(dtype="float64", limit=2.0).numerics == {"dtype": "float64", "limit": 2.0}
    assert Options(batch=1, device="cuda", shard=(2, 3), deterministic=True).numerics == Options().numerics
    assert Options(fast=True).numerics == {"dtype": "float32", "fast": True}
    assert all(hasattr(Options(), name) for name in KEPT)


@pytest.mark.parametrize("other", ["deterministic", "compile", "recompute"])
def test_fast_runs_take_no_option_that_they_decide_themselves(other):
    with pytest.raises(ValueError, match="--fast"):
        make_options(**{"fast": True, other: True})


def test_the_mode_ends_with_the_run():
    before = torch.are_deterministic_algorithms_enabled()
    with mode(Options(deterministic=True)):
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.are_deterministic_algorithms_enabled() == before
    with mode(Options()):
        assert torch.are_deterministic_algorithms_enabled() == before
