"""What the laws of DPS and MCG share: the ancestral step and the gradient of the residual's norm."""

from functools import partial
from itertools import product

import torch
from torch import Tensor

from bench.exact.laws.law import SolverClass, batch_error, finite_difference, first_move, gap, worst
from bench.exact.laws.problems import problem, streams
from bench.exact.prior import dense

SPREADS = (None, -1.0, 0.3, 1.0)
"""The learned interpolation between the small and the large variance, None where nothing was learned."""


def gradient_error(cls: SolverClass, project: bool = False) -> float:
    """The guidance of the first step is minus the gradient of the norm, or of its square.

    On a mixture, against finite differences.
    """
    errors, zeta = [], 0.7
    case = problem("mixture", 0.1)
    t, H = case.prior.schedule.level(500), dense(case.A)[0]

    def misfit(x: Tensor, step: str, clip: bool) -> Tensor:
        x0 = case.prior.denoise(x, t)
        length = (case.y - (x0.clamp(-1, 1) if clip else x0) @ H.T).norm(dim=1)
        return length if step == "norm" else length**2

    for step, clip in product(("norm", "squared"), (False, True)):
        guided = cls(steps=2, spacing="leading", zeta=zeta, step=step, clip=clip)
        plain = cls(steps=2, spacing="leading", zeta=0.0, step=step, clip=clip)
        move = first_move(case, guided, plain, lambda: streams(16))
        here = partial(misfit, step=step, clip=clip)
        expected = -zeta * finite_difference(here, streams(16).new((4,)), 1e-4)
        if project:
            expected = expected - expected @ (torch.linalg.pinv(H) @ H).T
        errors.append(gap(move, expected))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch; with a norm over the batch it would not."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, zeta=0.3))
