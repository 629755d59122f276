"""Guided flows: the ODE of OT-ODE."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Lt

from bench.solver import (
    FlowLevel,
    LinearOperator,
    Measurement,
    Noise,
    Prior,
    Solver,
    Step,
    Steps,
    flow_levels,
    vjp_once,
)


@dataclass(frozen=True)
class OTODE(Solver):
    """OT-ODE (Pokle et al., TMLR 2024, openreview PLIt3a4yTm, arXiv 2310.04432, algorithm 1).

        x = tau0 A+ y + (1 - tau0) z              (or A^T y for A+ y)
        for tau = tau0, ..., 1, N equal steps:
            x0  = E[x0 | x_tau = x],  r^2 = (1 - tau)^2 / (tau^2 + (1 - tau)^2)                (eq. 13)
            g   = (dx0/dx)^T A^T (r^2 A A^T + sigma^2 I)^-1 (y - A x0)
            x0' = x0 + w (1 - tau)^2 / tau g                                                   (eq. 12)
            x   = Euler step of dx/dtau = (x0' - x) / (1 - tau)

    w is the paper's gamma_t: 1 (``constant``), with which g enters through the score, or
    sqrt(tau / (tau^2 + (1 - tau)^2)) (``gamma_t``). With w = 1 it is PiGDM with eta 0 and the coefficient of
    the score, at levels of equidistant flow times, exact on N(m, I) but for its start.

    The method is written for flows x_tau = tau x0 + (1 - tau) eps, and runs on every prior.
    """

    paper: ClassVar[str] = "openreview:PLIt3a4yTm"
    needs: ClassVar = LinearOperator

    steps: Steps = 100
    tau0: Annotated[float, Ge(0.01), Lt(1)] = 0.1
    """Time of the start: 0 is noise, 1 the clean image."""
    weight: Literal["constant", "gamma_t"] = "constant"
    """Weight w of the guidance: 1, or the one that is small near tau = 0."""
    start: Literal["adjoint", "pinv"] = "pinv"
    """The image of the start: A^T y, whose scale is that of A squared, or A+ y."""

    def solve(self, measurement: Measurement[LinearOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state in flow coordinates after every time; ``steps`` NFE and vjps, one A+ each."""
        y, A, sigma = measurement
        image = A.adjoint(y) if self.start == "adjoint" else A.pinv(y)
        x = self.tau0 * image + (1 - self.tau0) * noise.new(prior.shape)
        for t, s in pairwise(flow_levels(prior.schedule, self.steps, self.tau0)):
            x0, _, pull_x0 = vjp_once(prior, t.scale * x, t.level)
            u = A.pinv(y - A(x0), damping=sigma**2 / t.variance) / t.variance
            g = t.scale * pull_x0(u)
            x0 = x0 + self.w(t) * (1 - t.tau) ** 2 / t.tau * g
            x = x + (s.tau - t.tau) / (1 - t.tau) * (x0 - x)
            yield Step(x, x0)

    def w(self, t: FlowLevel) -> float:
        """The weight of the guidance at a time."""
        return 1.0 if self.weight == "constant" else (t.tau / (t.tau**2 + (1 - t.tau) ** 2)) ** 0.5
