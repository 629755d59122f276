"""Inpainting by resampling."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from bench.solver import (
    Count,
    Measurement,
    Noise,
    Operator,
    Prior,
    Solver,
    Spacing,
    Step,
    SVDOperator,
    ddpm,
    fresh_noise,
)


@dataclass(frozen=True)
class RePaint(Solver):
    """RePaint (Lugmayr et al., CVPR 2022, arXiv 2201.09865, algorithm 1), for masks.

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x]
                     x  = ancestral step from x with x0                                        (eq. 8)
                     x  = x - A+ (A x - y_s),   y_s = alpha_s y + sigma_s A z                  (eq. 8)
            after every ``jump`` steps, ``repeats`` - 1 times: back by as many levels, to u, and down again
                     x  = a x + sqrt(sigma_u^2 - a^2 sigma_s^2) z,   a = alpha_u / alpha_s     (section 4.2)

    y_s is noised to the level of the state s, not to t as printed in the paper. ``steps`` counts network
    evaluations; returns that would be too many are left out at the noisiest levels. The result satisfies
    A x = y even where y is noisy; sigma is not used. Without repeats it is MCG with zeta = 0. Repeats make
    the parts of the image agree, and lose variance.
    """

    paper: ClassVar[str] = "2201.09865"
    needs: ClassVar = SVDOperator

    steps: Count = 500
    spacing: Spacing = "respaced"
    repeats: Count = 5
    """How often each stretch of levels is walked, the paper's U; the noisiest ones less often where
    evaluations end."""
    jump: Count = 1
    """Levels of a stretch, the paper's jump length j."""
    clip: bool = True
    """Clip x0 to [-1, 1]."""
    learned_variance: bool = True
    """Use the variance that the network learned, where it did."""

    def reject(self, A: Operator, prior: Prior) -> str | None:
        if isinstance(A, SVDOperator) and bool((A.s * (1 - A.s)).abs().max() > 1e-6):
            reason = f"RePaint needs singular values of 0 and 1, as masks have; {type(A).__name__} has others"
            return f"{reason} (MCG with zeta = 0 is its step for any linear A)"
        return super().reject(A, prior)

    def grid_size(self) -> int:
        return self.visits()[-1]

    def solve(self, measurement: Measurement[SVDOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every evaluation; ``steps`` NFE, no vjp."""
        y, A, _ = measurement
        visits = self.visits()
        levels = prior.schedule.levels(visits[-1], self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for here, there in pairwise(visits):
            t, s = levels[here], levels[there]
            if there < here:
                a = s.alpha / t.alpha
                x = a * x + (s.sigma**2 - (a * t.sigma) ** 2) ** 0.5 * noise.like(x)
                continue
            x0, v = prior.moments(x, t)
            x0 = x0.clamp(-1, 1) if self.clip else x0
            x = ddpm(x, x0, t, s, fresh_noise(noise, x, s), v if self.learned_variance else None)
            y_s = s.alpha * y + s.sigma * A(noise.like(x)) if s.sigma > 0 else y
            x = x - A.pinv(A(x) - y_s)
            yield Step(x, x0)

    def visits(self) -> list[int]:
        """The places of levels in the order of visits: 0 is the noisiest, the last one clean.

        The number of levels n is the least with which all returns take ``steps`` evaluations or more; those
        that are too many are left out.
        """
        U, L = self.repeats, self.jump
        n = (self.steps - 1) % L + 1  # then whole returns, of L evaluations each, fill the rest
        while n + (U - 1) * L * len(range(L, n, L)) < self.steps:
            n += L
        returns = [0] * (n + 1)
        for place in range(n - 1, L - 1, -L):
            returns[place] = min(U - 1, (self.steps - n) // L - sum(returns))
        visits = [0]
        for place in range(1, n + 1):
            visits.append(place)
            visits += returns[place] * [*range(place - L, place + 1)]
        return visits
