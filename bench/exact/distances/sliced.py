"""Sliced 2-Wasserstein distance (Bonneel et al. 2015) to exact draws, for comparison with the literature."""

import numpy as np
import torch
from torch import Tensor

from bench.exact.distances.draws import draw, normals
from bench.exact.prior import MixturePrior

PROJECTIONS = 256
FLOOR_SETS = 8
"""Sets of exact draws whose mean distance is the floor; the distance of one set varies by a quarter."""


class SlicedDistance:
    """``sw``: distance of the samples to as many exact draws, in units of that of other exact draws.

    A secondary metric: where there are many modes, chance counts per mode dominate it, so that it does not
    see a variance within the modes that is wrong by half. ``sw_floor`` is the unit, in units of x.

    Args:
        posterior: one distribution.
        name: of the problem.
    """

    def __init__(self, posterior: MixturePrior, name: str) -> None:
        self.posterior, self.name = posterior, name
        self.prepared: dict[int, tuple[Tensor, float]] = {}
        lines = normals(posterior.centres.shape[-1], PROJECTIONS, name, "projections")
        self.lines = lines / lines.norm(dim=0)

    def __call__(self, x: Tensor) -> dict[str, float]:
        """(n, d) -> ``sw`` and ``sw_floor``."""
        n = len(x)
        if n not in self.prepared:
            reference = self._sorted(draw(self.posterior, n, self.name, "sliced reference"))
            total = 0.0
            for i in range(FLOOR_SETS):
                other = draw(self.posterior, n, self.name, "sliced floor", i)
                total += self._distance(other, reference)
            self.prepared[n] = reference, total / FLOOR_SETS
        reference, floor = self.prepared[n]
        assert floor > 0, "the reference and the sets of the floor came from one stream"
        return {"sw": self._distance(x, reference) / floor, "sw_floor": floor}

    def _sorted(self, x: Tensor) -> Tensor:
        return torch.from_numpy(np.sort((x @ self.lines).T.numpy()))  # torch's takes ten times as long

    def _distance(self, x: Tensor, reference: Tensor) -> float:
        return (self._sorted(x) - reference).square().mean().sqrt().item()
