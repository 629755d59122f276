"""The kernel's closed forms against Monte Carlo."""

from itertools import product

import numpy as np
import pytest
import torch

from bench.exact.distances.draws import draw
from bench.exact.distances.kernel import expected_kernel, mean_embedding, mmd2
from bench.exact.prior import MixturePrior
from tests.exact.distances.made import (
    F64,
    mixture,
)


@pytest.mark.parametrize(("shared_p", "shared_q"), product([True, False], repeat=2))
def test_expected_kernel_against_monte_carlo_and_its_limits(shared_p, shared_q):
    p, q, ell2, n = mixture(shared_p, 1), mixture(shared_q, 2), 0.3, 40_000
    k = (draw(p, n, "p") - draw(q, n, "q")).square().sum(1).mul(-0.5 / ell2).exp()
    value = expected_kernel(p, q, ell2)
    assert abs(k.mean() - value) < 4 * k.std() / n**0.5
    assert expected_kernel(q, p, ell2) == pytest.approx(value, rel=1e-12)
    points = MixturePrior(
        q.log_weights[0].exp(), q.component_means()[0], torch.full((1, 3), 1e-13, dtype=F64)
    )
    embedded = mean_embedding(p, q.component_means()[0], ell2) @ q.log_weights[0].exp()
    assert expected_kernel(p, points, ell2) == pytest.approx(embedded.item(), rel=1e-10)


def test_mmd_is_unbiased_at_small_n_and_is_the_exact_distance_of_another_distribution():
    p, q, ell2 = mixture(False, 1), mixture(True, 2), 0.3
    exact = expected_kernel(q, q, ell2) - 2 * expected_kernel(q, p, ell2) + expected_kernel(p, p, ell2)
    for distribution, truth in ((p, 0), (q, exact)):
        values = np.array([mmd2(draw(distribution, 10, "small", i), p, ell2) for i in range(300)])
        assert abs(values.mean() - truth) < 4 * values.std() / 300**0.5
    # The mean over all pairs, the diagonal with them, would be off by about (1 - E k) / n = .09.
    assert values.std() / 300**0.5 < 0.01 < exact
