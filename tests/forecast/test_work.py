"""Counts on the meta device: torch's own counter, arithmetic by hand, and measured memory agree."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.forecast.work import Ledger, Work, count, on_meta
from bench.priors import empty_prior, load_prior
from bench.priors.network import NetworkPrior


class Convolution(nn.Module):
    """A convolution of one channel with a square behind it."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Conv2d(1, 1, 3, padding=1, bias=False)

    def forward(self, x, index):
        return self.kernel(x) ** 2


SIDE = 16
PIXELS = SIDE * SIDE


def test_a_convolution_is_counted_as_by_hand():
    work = count(NetworkPrior(Convolution(), (1, SIDE, SIDE)))
    assert work.evaluation.flop == 2 * 9 * PIXELS
    assert work.vjp.flop == 4 * 9 * PIXELS  # the gradient with respect to x alone
    assert (work.weights, work.learned) == (9 * 4, False)
    assert work.vjp_peak >= work.saved >= 4 * PIXELS  # the convolution's output, for the square


def test_the_embedded_network_is_counted_as_torch_counts_it():
    prior = load_prior("fashion32")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        prior.network(torch.zeros(1, *prior.shape), torch.zeros(1))
    work = count(prior)
    assert work.evaluation.flop == counter.get_total_flops()
    assert work == count(empty_prior("fashion32")), "weights make no difference"


def test_recomputing_takes_less_memory_and_more_work():
    prior = load_prior("fashion32")
    plain = count(prior)
    prior.recompute()
    again = count(prior)
    assert again.saved < plain.saved / 2 and again.vjp_peak < plain.vjp_peak
    assert again.vjp.flop > 1.2 * plain.vjp.flop and again.evaluation == plain.evaluation


def test_a_copy_on_the_meta_device_leaves_the_prior_alone():
    prior = load_prior("fashion32")
    other = on_meta(prior)
    assert {p.device.type for p in other.network.parameters()} == {"meta"}
    assert {p.device.type for p in prior.network.parameters()} == {"cpu"} == {prior.device.type}


def test_the_peak_is_of_what_is_alive_at_one_time():
    with Ledger() as ledger:
        x = torch.zeros(1000)
        for _ in range(5):
            x = x + 1
    assert ledger.peak == 2 * 4000
    assert ledger.work == Work(0, 4000 + 5 * 8000, 6)


@pytest.mark.long
def test_a_guided_prior_is_counted_with_its_classifier():
    guided, alone = count(empty_prior("imagenet256_cond")), empty_prior("imagenet256_cond")
    alone.guide = None
    unguided = count(alone)
    assert guided.evaluation.flop > unguided.evaluation.flop and guided.vjp_peak > unguided.vjp_peak
    assert guided.learned
