"""A problem whose posterior is known exactly, and the directions in which samples of it are judged."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.exact.distances.draws import normals
from bench.exact.distances.kernel import KernelDistance
from bench.exact.distances.moments import Calibration, GaussianMoments, SplitMoments
from bench.exact.distances.ranks import DensityRanks, ModeWeights
from bench.exact.distances.sliced import SlicedDistance
from bench.exact.distances.stein import SteinDistance
from bench.exact.prior import MixturePrior, dense
from bench.operators.base import LinearOperator, moved, real_parts
from bench.operators.matrices import padded_svd

VIEW = 8
"""Most directions in which densities are ranked."""


@dataclass(frozen=True, eq=False)
class Problem:
    """One y of a linear problem with an exact prior, everything in float64 on the CPU.

    Args:
        prior: one distribution.
        posterior: that of x given y; every direction must have a variance, so sigma > 0.
        A: (m, d), dense.
        y: (m,), its `real_parts` where it is complex.
        sigma: standard deviation of the noise in y.
        x: (d,), the truth.
        name: names the streams of the exact draws; different problems of a suite need different names to be
            independent.

    Raises:
        ValueError: more than one posterior, another dtype or device, or a direction without variance.
    """

    prior: MixturePrior
    posterior: MixturePrior
    A: Tensor
    y: Tensor
    sigma: float
    x: Tensor
    name: str = ""

    def __post_init__(self) -> None:
        for given in (self.prior, self.posterior):
            place = torch.device(given.device).type
            if len(given.centres) != 1 or given.dtype != torch.float64 or place != "cpu":
                raise ValueError(
                    "distances need one distribution in float64 on the CPU; "
                    f"got {len(given.centres)} in {given.dtype} on {given.device}"
                )
        variances = self.posterior.variances
        if (variances <= variances.max() * torch.finfo(torch.float64).eps * variances.shape[-1]).any():
            raise ValueError(
                "distances are in units of the posterior's variance, which is 0 in some direction; "
                "use sigma > 0"
            )

    @cached_property
    def subspaces(self) -> dict[str, Tensor]:
        """Orthonormal bases of the row space of A and of its complement, (d, r) and (d, d - r).

        The first has the largest singular value first.
        """
        _, s, V = padded_svd(self.A.numpy())
        return {"measured": V[:, s > 0], "unmeasured": V[:, s == 0]}

    @cached_property
    def view(self) -> Tensor | None:
        """The directions in which densities are ranked, (8, d), measured ones first; None up to d = 8.

        Both kinds get half where there are enough of the other. They are random, A^T n and what n has in the
        complement, since singular vectors are arbitrary where singular values repeat, and differ between
        machines.
        """
        measured, unmeasured = self.subspaces.values()
        m, d = self.A.shape
        if d <= VIEW:
            return None
        k = min(measured.shape[1], max(VIEW // 2, VIEW - unmeasured.shape[1]))
        first = self.A.T @ normals(m, k, self.name, "view, measured")
        rest = unmeasured @ unmeasured.T @ normals(d, VIEW - k, self.name, "view")
        return torch.cat([torch.linalg.qr(part)[0] for part in (first, rest)], 1).T

    @cached_property
    def distances(self) -> list[Callable[[Tensor], dict[str, float]]]:
        """What samples are scored by, prepared once for all solvers."""
        posterior, name = self.posterior, self.name
        gaussian = posterior.log_weights.shape[1] == 1
        return [
            KernelDistance(self.prior, posterior, name),
            DensityRanks(posterior, self.view, name),
            SplitMoments(posterior, self.subspaces),
            Calibration(posterior),
            SteinDistance(posterior),
            SlicedDistance(posterior, name),
            GaussianMoments(posterior) if gaussian else ModeWeights(posterior),
        ]


def pose(
    prior: MixturePrior, A: LinearOperator, y: Tensor, sigma: float, x: Tensor, name: str = ""
) -> Problem:
    """The problem of one y.

    Args:
        prior: one distribution, in any dtype on any device.
        A: one operator.
        y: (1, *m).
        sigma: > 0.
        x: (1, *shape), the truth.
        name: of the problem.

    Raises:
        ValueError: several images, or a posterior without variance in some direction.
    """
    prior, A = prior.to("cpu", torch.float64), A.to("cpu", torch.float64)
    y, x = (moved(v.detach(), "cpu", torch.float64) for v in (y, x))
    posterior, numbers = prior.posterior(y, A, sigma), real_parts(y).flatten()
    return Problem(prior, posterior, dense(A)[0], numbers, sigma, x.flatten(), name)
