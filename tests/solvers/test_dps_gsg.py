"""The estimated gradient of DPS-GSG where A has none."""

import math

import torch

from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.solver import Measurement
from solvers.dps_gsg import DPSGSG


def test_a_step_has_the_gradient_of_its_smoothed_loss():
    """One pixel of one bit: l is (y - sign x0)^2, smoothed by normals of std mu, whose gradient at x0 is
    -4 y phi(x0 / mu) / mu."""
    n, mu, y = 4000, 0.3, 0.5
    noise = StreamNoise([stream_key("gsg", i) for i in range(n)], torch.float64)
    A = make_operator("quantise", (1, 1, 1), range(n), bits=1)
    measurement = Measurement(torch.full((n, 1, 1, 1), y, dtype=torch.float64), A, 0.1)
    for x0 in (-0.6, 0.0, 0.2):
        at = torch.full((n, 1, 1, 1), x0, dtype=torch.float64)
        g = DPSGSG(step="squared", queries=8, mu=mu).gradient(at, measurement, noise)
        expected = -4 * y * math.exp(-((x0 / mu) ** 2) / 2) / math.sqrt(2 * math.pi) / mu
        assert abs(float(g.mean()) - expected) < 4 * float(g.std()) / n**0.5
        assert float(g.std()) / n**0.5 < 0.03


def test_a_step_stays_bounded_where_the_residual_vanishes():
    """At x0 = 0.2 the bit is already that of y; its neighbours have another one."""
    noise = StreamNoise([stream_key("gsg", i) for i in range(50)], torch.float64)
    A, y = (
        make_operator("quantise", (1, 1, 1), range(50), bits=1),
        torch.ones(50, 1, 1, 1, dtype=torch.float64),
    )
    at = torch.full_like(y, 0.2)
    g = DPSGSG(queries=8, mu=0.3).gradient(at, Measurement(y, A, 0.1), noise)
    assert float(A(at).sub(y).abs().max()) == 0 and 0.1 < float(g.abs().max()) < 20
    flat = DPSGSG(queries=8, mu=0.001).gradient(at, Measurement(y, A, 0.1), noise)
    assert float(flat.abs().max()) == 0, "no query sees another bit"
