"""A problem whose posterior is known exactly, and the directions in which samples of it are judged."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.exact.distances.draws import normals
from bench.exact.distances.kernel import KernelDistance
from bench.exact.distances.moments import GaussianMoments, SplitMoments
from bench.exact.distances.ranks import DensityRanks, ModeWeights
from bench.exact.distances.sliced import SlicedDistance
from bench.exact.prior import MixturePrior, dense
from bench.operators.base import LinearOperator
from bench.operators.matrices import padded_svd

VIEW = 8
"""Most directions in which densities are ranked."""


@dataclass(frozen=True, eq=False)
class Problem:
    """One y of a linear problem with an exact prior, everything in float64 on the CPU.

    Args:
        prior: one law.
        posterior: the law of x given y; every direction must have a variance, so sigma > 0.
        A: (m, d), dense.
        y: (m,).
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
        for law in (self.prior, self.posterior):
            if len(law.centres) != 1 or law.dtype != torch.float64 or torch.device(law.device).type != "cpu":
                raise ValueError(
                    f"distances need one law in float64 on the CPU; got {len(law.centres)} in {law.dtype} on {law.device}"
                )
        variances = self.posterior.variances
        if (variances <= variances.max() * torch.finfo(torch.float64).eps * variances.shape[-1]).any():
            raise ValueError(
                "distances are in units of the posterior's variance, which is 0 in some direction; use sigma > 0"
            )

    @cached_property
    def subspaces(self) -> dict[str, Tensor]:
        """Orthonormal bases of the row space of A, largest singular value first, and of its complement, (d,
        r), (d, d - r).
        """
        _, s, V = padded_svd(self.A.numpy())
        return {"measured": V[:, s > 0], "unmeasured": V[:, s == 0]}

    @cached_property
    def view(self) -> Tensor | None:
        """The directions in which densities are ranked, (8, d): measured ones, then unmeasured ones; None up
        to d = 8.

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
        law, name = self.posterior, self.name
        return [
            KernelDistance(self.prior, law, name),
            DensityRanks(law, self.view, name),
            SplitMoments(law, self.subspaces),
            SlicedDistance(law, name),
            GaussianMoments(law) if law.log_weights.shape[1] == 1 else ModeWeights(law),
        ]


def pose(
    prior: MixturePrior, A: LinearOperator, y: Tensor, sigma: float, x: Tensor, name: str = ""
) -> Problem:
    """The problem of one y.

    Args:
        prior: one law, in any dtype on any device.
        A: one operator.
        y: (1, *m).
        sigma: > 0.
        x: (1, *shape), the truth.
        name: of the problem.

    Raises:
        ValueError: several images, or a posterior without variance in some direction.

    """
    prior, A = prior.to("cpu", torch.float64), A.to("cpu", torch.float64)
    y, x = (v.detach().to("cpu", torch.float64) for v in (y, x))
    return Problem(prior, prior.posterior(y, A, sigma), dense(A)[0], y.flatten(), sigma, x.flatten(), name)
