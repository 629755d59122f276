"""Iterations that need a matrix only through its products: conjugate gradients and the largest eigenvalue."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench.operators.base.operator import dot, per_image


class ConjugateGradients:
    """Conjugate gradients on M x = b from x = 0, M symmetric, each image with its own step sizes and end.

    The caller forms the products with M, and so may keep what it computes on the way::

        cg = ConjugateGradients(b)
        for _ in range(k):
            if not cg.active.any():
                break
            cg.step(M(cg.p))

    An image ends where its residual has fallen below ``relative`` times that of x = 0. It also ends, and
    keeps its x, where M turns out not to be positive along p. With ``guarded`` it ends, too, where the next
    step would not lower x^T M x / 2 - b^T x, which it does for every symmetric and positive M. The Jacobian
    of a network is neither, and unguarded iterations then grow.

    Args:
        b: (B, ...).
        relative: a float, or one per image, (B,).
        guarded: for an M that is made of a network's derivatives.

    Attributes:
        x: (B, ...), the solution so far.
        r: (B, ...), the residual b - M x.
        p: (B, ...), the direction whose product with M the next `step` wants.
        refused: (B,) bool, the images whose M is not symmetric and positive.
        iterations: (B,), the steps that an image has taken.
    """

    def __init__(self, b: Tensor, relative: float | Tensor = 0.0, guarded: bool = False) -> None:
        self.x, self.r, self.p = torch.zeros_like(b), b, b
        self._b, self._rr, self._guarded = b, dot(b, b), guarded
        self._stop = torch.as_tensor(relative).to(self._rr) ** 2 * self._rr
        self.refused = torch.zeros_like(self._rr, dtype=torch.bool)
        self.iterations = self._energy = torch.zeros_like(self._rr)

    @property
    def active(self) -> Tensor:
        """(B,) bool, the images that have not ended."""
        return (self._rr > self._stop) & ~self.refused

    def step(self, Mp: Tensor) -> Tensor:
        """Takes one step along p.

        Returns:
            (B, 1, ...), how far along p each image went; 0 for one that has ended.
        """
        tiny = torch.finfo(self._rr.dtype).tiny
        active, curvature = self.active, dot(self.p, Mp)
        moves = active & (curvature > 0)
        a = per_image(torch.where(moves, self._rr / curvature.clamp_min(tiny), 0), self.r)
        x, r = self.x + a * self.p, self.r - a * Mp
        if self._guarded:
            energy = -dot(x, self._b + r) / 2
            moves = moves & (energy < self._energy)
            kept = per_image(moves, x).bool()
            a, x, r = (torch.where(kept, new, old) for new, old in ((a, 0), (x, self.x), (r, self.r)))
            self._energy = torch.where(moves, energy, self._energy)
        self.x, self.r, self.refused = x, r, self.refused | (active & ~moves)
        before, self._rr = self._rr, dot(self.r, self.r)
        self.p = self.r + per_image(self._rr / before.clamp_min(tiny), self.r) * self.p
        self.iterations = self.iterations + moves
        return a


LANCZOS_STEPS = 60
"""Steps after which the largest singular values of our blurs at 128 pixels are right to 3e-6."""


def largest_eigenvalue(
    product: Callable[[Tensor], Tensor], start: Tensor, steps: int = LANCZOS_STEPS
) -> Tensor:
    """The largest eigenvalue per image of a symmetric, positive semi-definite M, by Lanczos; never above it.

    Args:
        product: x -> M x, (B, ...) -> (B, ...).
        start: (B, ...), not orthogonal to the eigenvector.

    Returns:
        (B,).
    """
    tiny = torch.finfo(start.dtype).tiny ** 0.5
    v, before = start / per_image(dot(start, start).sqrt(), start), torch.zeros_like(start)
    beta = torch.zeros_like(dot(v, v))
    diagonal, beside = [], []
    for _ in range(min(steps, start[0].numel())):
        w = product(v) - per_image(beta, v) * before
        alpha = dot(v, w)
        w = w - per_image(alpha, v) * v
        beta = dot(w, w).sqrt()
        diagonal.append(alpha)
        beside.append(beta)
        v, before = w / per_image(beta.clamp_min(tiny), w), v
    a, b = torch.stack(diagonal, 1), torch.stack(beside, 1)[:, :-1]
    tridiagonal = torch.diag_embed(a) + torch.diag_embed(b, 1) + torch.diag_embed(b, -1)
    return torch.linalg.eigvalsh(tridiagonal).amax(1).clamp_min(0)
