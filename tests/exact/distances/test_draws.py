"""Exact draws are functions of the name of their stream."""

import torch

from bench.exact.distances.draws import draw, normals
from tests.exact.distances.made import (
    gaussian,
)


def test_draws_belong_to_their_name():
    prior = gaussian(3)
    first = draw(prior, 5, "a", 1)
    assert first.shape == (5, 3)
    assert torch.equal(draw(prior, 5, "a", 1), first)
    assert not torch.equal(draw(prior, 5, "a", 2), first)
    assert not torch.equal(draw(prior, 5, "b", 1), first)
    assert len(first.unique()) == first.numel(), "no number is dealt twice"


def test_draws_have_the_moments():
    prior, n = gaussian(3), 20_000
    x, z = draw(prior, n, "moments"), normals(n, 3, "moments")
    assert (x.mean(0) - prior.mean[0]).abs().max() < 5 / n**0.5
    assert (x.T.cov() - prior.covariance[0]).abs().max() < 5 * 2**0.5 / n**0.5
    assert z.mean(0).abs().max() < 5 / n**0.5
    assert (z.T.cov() - torch.eye(3, dtype=z.dtype)).abs().max() < 5 * 2**0.5 / n**0.5
