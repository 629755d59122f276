"""A method of one's own: this file is all that it needs. The card and the laws beside it are optional.

    python -m bench check examples/own_solver/my_solver.py
    python -m bench run --suite demo --solver examples/own_solver/my_solver.py --solver ddrm --images 2

The first command tests the contract of methods. The second compares it with DDRM on the same measurements.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from bench.solver import LinearOperator, Measurement, Noise, Prior, Solver, Step, Steps, UnitInterval, ddim


@dataclass(frozen=True)
class Mine(Solver):
    """DDNM (arXiv 2212.00490) with a pseudo-inverse damped by the noise level."""

    paper: ClassVar[str] = "2212.00490"
    needs: ClassVar = LinearOperator
    steps: Steps = 50
    eta: UnitInterval = 0.85

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        y, A, sigma = measurement
        levels = prior.schedule.levels(self.steps)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            x0 = x0 + A.pinv(y - A(x0), damping=sigma**2 / t.variance)
            x = ddim(x, x0, t, s, self.eta, noise.like(x))
            yield Step(x, x0)
