"""What the laws of methods for flows share: the denoiser at a time of the flow, and its times as a grid."""

from dataclasses import dataclass

import numpy as np

from bench.exact.laws import recursions
from bench.schedule import CLEAN, KarrasSchedule, Level, Spacing


def flow_denoiser(p: recursions.Affine, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """K and b of E[x0 | x_tau] = K x_tau + b, the ratio at most that of the last level."""
    if tau == 0:
        ab = recursions.abars(np.array([999]))[0]
        K, b = recursions.denoiser(p, ab)
        return np.sqrt(1 - ab) * K, b
    size = np.sqrt(tau**2 + (1 - tau) ** 2)
    K, b = recursions.denoiser(p, tau**2 / size**2)
    return K / size, b


@dataclass(frozen=True)
class FlowTimes(KarrasSchedule):
    """Levels so wide that no flow time is clipped, whose only grid is that of equidistant flow times.

    At tau = 0 nothing is left of the image. Other methods run at the times of a flow on it.
    """

    sigmas: tuple[float, ...] = tuple(np.geomspace(1e-3, 1e8, 1000).tolist())
    start: float = 0.0
    """The first time."""

    def levels(self, n: int, spacing: Spacing = "leading") -> list[Level[float]]:
        taus = self.start + (1 - self.start) * np.arange(n) / n
        return [self.at((1 - tau) / tau if tau > 0 else self.sigmas[-1]) for tau in taus.tolist()] + [CLEAN]
