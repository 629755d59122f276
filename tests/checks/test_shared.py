"""What solvers share: every change is seen and put back."""

import pytest
import torch

from bench.checks.shared import Untouched
from bench.exact.problems import exact_prior
from bench.operators import make_operator
from bench.priors import load_prior


def double(prior):
    next(prior.network.parameters()).data.mul_(2)


def swap(prior):
    prior.network = torch.nn.Identity()


def new_weight(prior):
    module = next(m for m in prior.network.modules() if isinstance(m, torch.nn.Conv2d))
    module.weight = torch.nn.Parameter(module.weight + 1)


def one_bit(prior):
    *_, last = prior.network.parameters()
    last.data.flatten()[-1] += 1e-7


@pytest.mark.parametrize(
    "change",
    [double, swap, new_weight, one_bit, lambda p: p.network.train(), lambda p: setattr(p, "predicts", "v")],
)
def test_a_network_is_put_back(change):
    prior = load_prior("fashion32")
    x, level = torch.full((1, *prior.shape), 0.3), prior.schedule.at(10.0)
    before, guard = prior.denoise(x, level), Untouched(prior)
    assert guard.restore() == [] and torch.equal(prior.denoise(x, level), before)
    change(prior)
    assert guard.restore() and torch.equal(prior.denoise(x, level), before)
    assert guard.restore() == []


def test_an_exact_prior_and_an_operator_are_put_back():
    prior = exact_prior("exact-mixture8")
    guard = Untouched(prior)
    tensor = next(value for value in vars(prior).values() if isinstance(value, torch.Tensor))
    kept = tensor.clone()
    tensor += 1
    assert guard.restore() and torch.equal(tensor, kept)
    A = make_operator("inpaint_random", (1, 8, 8), range(2))
    guard, mask = Untouched(A), next(value for value in vars(A).values() if isinstance(value, torch.Tensor))
    kept = mask.clone()
    mask[:] = True
    assert guard.restore() and torch.equal(mask, kept)
