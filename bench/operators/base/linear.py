"""The two upper rungs: linear operators, and those whose singular value decomposition is known."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

from bench.noise import StreamNoise, stream_key
from bench.operators.base.iterative import ConjugateGradients, largest_eigenvalue
from bench.operators.base.operator import Operator, PinvOperator, Pullback, Pushforward, per_image


class LinearOperator(PinvOperator):
    """A linear operator with its adjoint; the damped pseudo-inverse comes by conjugate gradients.

    ``rcond``: the undamped pseudo-inverse ignores singular values below ``rcond`` times the largest (SVD
    rung), or stops conjugate gradients once the residual of the normal equations has fallen by this factor.
    An exact A+ does not exist in practice: the Gaussian blur at 256 px has singular values of 1e-17.
    ``tolerance`` is that factor where damping makes the equations well-posed.

    Conjugate gradients that stop early are not linear: A+(y - A x) is not A+ y - A+ A x. For ``blur_motion``
    at 32 pixels, without damping, the difference is as long as the latter and longer. `solving_to` gives an
    operator that goes on. It is linear, but takes thousands of iterations and amplifies the noise in y.
    """

    rcond: float = 1e-3
    tolerance: float = 1e-4
    max_iterations: int = 200

    @abstractmethod
    def transpose(self, v: Tensor, /) -> Tensor:
        """The subclass's A^T v, (B, *m) -> (B, *shape)."""

    def adjoint(self, v: Tensor) -> Tensor:
        """A^T v, (B, *m) -> (B, *shape); no graph."""
        self.count("adjoint", len(v))
        with torch.no_grad():
            return self.transpose(self.masked(v))

    def vjp(self, x: Tensor) -> tuple[Tensor, Pullback]:
        return self(x), self.adjoint

    def jvp(self, x: Tensor) -> tuple[Tensor, Pushforward]:
        return self(x), self.__call__

    def norm(self) -> Tensor:
        """The largest singular value of each image's A, (B,); computed once, and never too large."""
        if self._largest is None:
            with torch.no_grad():
                self._largest = self.largest_singular_value()
        return self._largest

    def largest_singular_value(self) -> Tensor:
        """What `norm` computes: the Lanczos iteration on A^T A from the same normals for every image."""
        tensors = [v for v in vars(self).values() if isinstance(v, Tensor) and v.is_floating_point()]
        like = tensors[0] if tensors else torch.zeros(0, dtype=torch.float64)
        start = StreamNoise([stream_key("norm")], torch.float64).new(self.shape).to(like)

        def product(x: Tensor) -> Tensor:
            self.count("inner", 2 * len(x))
            return self.transpose(self.forward(x))

        return largest_eigenvalue(product, start.expand(len(self), *self.shape)).sqrt()

    def solving_to(self, tolerance: float, max_iterations: int = 5000) -> Self:
        """The same operator whose conjugate gradients go on to a relative residual, damped or not.

        Where singular values are known `pinv` is exact to rounding, and the operator is returned as it is.
        """
        return self._with(rcond=tolerance, tolerance=tolerance, max_iterations=max_iterations)

    def pinv(self, y: Tensor, damping: float | Tensor = 0.0) -> Tensor:
        """A^T (A A^T + damping I)^-1 y, (B, *m) -> (B, *shape); damping 0 is A+ y up to ``rcond``.

        Args:
            damping: float or one per image, (B,) or (B, 1, ...), >= 0.
        """
        self.count("pinv", len(y))
        with torch.no_grad():
            return self.solve_pinv(self.masked(y), damping)

    def conventions(self) -> dict[str, str]:
        """What `Operator.conventions` asks for, with the DC gain, A of the constant image 1, as measured."""
        return {"DC gain": dc_gain(self)}

    def solve_pinv(self, y: Tensor, damping: float | Tensor = 0.0) -> Tensor:
        """Conjugate gradients on (A^T A + damping I) x = A^T y, each image with its own step sizes.

        The normal equations in x have a solution for every y, also one with noise outside of the range of A,
        and iterates that stop early are smooth; the equations in A A^T have neither property.
        """
        b = self.transpose(y)
        damping = per_image(damping, b)
        damped = torch.as_tensor(damping).flatten() > 0
        cg = ConjugateGradients(b, torch.where(damped, min(self.tolerance, self.rcond), self.rcond))
        for _ in range(self.max_iterations):
            active = cg.active
            if not active.any():
                break
            self.count("inner", 2 * active)
            cg.step(self.transpose(self.forward(cg.p)) + damping * cg.p)
        return cg.x


class SVDOperator(LinearOperator):
    """A = U diag(s) V^T with everything derived from five pieces.

    Spectral coordinates have the shape of the image: s, Ut(y) and Vt(x) are (B or 1, *shape), with s = 0 on
    the null space, where Ut(y) is 0 too and U ignores its input. V is orthogonal: V Vt = Vt V = I. Which
    basis V is, is not promised (signs and null spaces differ between linear-algebra libraries), so noise is
    drawn as an image and then taken to V by Vt.
    """

    @property
    @abstractmethod
    def s(self) -> Tensor:
        """Singular values >= 0 in spectral coordinates, broadcastable against (B, *shape)."""

    # What a subclass provides; A, its adjoint and its pseudo-inverse follow from it.

    @abstractmethod
    def apply_U(self, z: Tensor, /) -> Tensor:
        """(B, *shape) -> (B, *m)."""

    @abstractmethod
    def apply_Ut(self, y: Tensor, /) -> Tensor:
        """(B, *m) -> (B, *shape)."""

    @abstractmethod
    def apply_V(self, z: Tensor, /) -> Tensor:
        """(B, *shape) -> (B, *shape)."""

    @abstractmethod
    def apply_Vt(self, x: Tensor, /) -> Tensor:
        """(B, *shape) -> (B, *shape)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.apply_U(self.s * self.apply_Vt(x))

    def transpose(self, v: Tensor, /) -> Tensor:
        return self.apply_V(self.s * self.apply_Ut(v))

    def solve_pinv(self, y: Tensor, damping: float | Tensor = 0.0) -> Tensor:
        return self.apply_V(self.filter(damping) * self.apply_Ut(y))

    def largest_singular_value(self) -> Tensor:
        s = self.s
        return s.flatten(1).amax(1).expand(len(self))

    def solving_to(self, tolerance: float, max_iterations: int = 5000) -> Self:
        return self

    # What solvers call; a transform tallies as half an application of A, which is made of two.

    def U(self, z: Tensor) -> Tensor:
        """U z, (B, *shape) -> (B, *m); no graph."""
        return self._transform(self.apply_U, z)

    def Ut(self, y: Tensor) -> Tensor:
        """U^T y, (B, *m) -> (B, *shape); no graph."""
        return self._transform(self.apply_Ut, self.masked(y))

    def V(self, z: Tensor) -> Tensor:
        """V z, (B, *shape) -> (B, *shape); no graph."""
        return self._transform(self.apply_V, z)

    def Vt(self, x: Tensor) -> Tensor:
        """V^T x, (B, *shape) -> (B, *shape); no graph."""
        return self._transform(self.apply_Vt, x)

    def _transform(self, apply: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
        self.count("transform", z.shape[0], 0.5)
        return apply(z.detach()).detach()

    @property
    def kept(self) -> Tensor:
        """Bool like s: the directions that the undamped pseudo-inverse uses.

        There, s is more than ``rcond`` times the image's largest s.
        """
        s = self.s
        return s > self.rcond * s.amax(tuple(range(1, s.ndim)), keepdim=True)

    def filter(self, damping: float | Tensor = 0.0) -> Tensor:
        """The factors s / (s^2 + damping), broadcastable against (B, *shape).

        Undamped, they are 1 / s on ``kept`` and 0 elsewhere.
        """
        s, damping = self.s, per_image(damping, self.s)
        if not isinstance(damping, Tensor) and damping > 0:
            return s / (s**2 + damping)
        inverse = torch.where(self.kept, 1 / s, 0)
        if not isinstance(damping, Tensor):
            return inverse
        return torch.where(damping > 0, s / (s**2 + damping).clamp_min(torch.finfo(s.dtype).tiny), inverse)


def dc_gain(A: Operator) -> str:
    """The least and the largest of the first image's measured entries for x = 1; magnitudes where complex.

    One number where they are equal.
    """
    one = A[:1]
    y = one(torch.ones(1, *one.shape, dtype=torch.float64))
    if y.is_complex():
        y = y.abs()
    low, high = (y if one.measured is None else y[one.measured.expand_as(y)]).aminmax()
    return f"{low:.4g}" if high - low < 1e-6 else f"{low:.4g} to {high:.4g}"
