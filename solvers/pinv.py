"""The pseudo-inverse: what the measurement says without a prior."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bench.solver import Measurement, Noise, NoiseModel, PinvOperator, Prior, Solver, Step


@dataclass(frozen=True)
class Pinv(Solver):
    """x = A+ y, the baseline that every method has to beat; no network call."""

    needs: ClassVar = PinvOperator
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)
    baseline: ClassVar[bool] = True

    def yields(self) -> int:
        return 1

    def solve(self, measurement: Measurement[PinvOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields A+ y."""
        y, A, _ = measurement
        x = A.pinv(y)
        yield Step(x, x)
