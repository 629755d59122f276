"""Priors in closed form: Gaussians and Gaussian mixtures.

Their denoiser, vjp, density and posterior are exact. They certify solvers (`bench.certify.laws`) and are the
truth of the exact suite: the posterior of an exact prior given a linear measurement is an exact prior again,
so a plain diffusion sampler run on it is the oracle of that problem.

Notation: component k is N(mu_k, Q_k diag(e_k) Q_k^T); z = Q^T x; noised to level t, it has the variances
S_k = alpha^2 e_k + sigma^2. Tensors carry a leading axis P (one distribution for every image, P = 1, or one
per image, P = B), then the component axis K or 1, and no (B, K, d) temporary is made where the components
share a basis.
"""

import copy
import math
from abc import abstractmethod
from typing import Self

import torch
from torch import Tensor

from bench.batch import Images
from bench.noise import Noise
from bench.operators.base import LinearOperator, moved, real_parts
from bench.prior import Prior, Pullback, require_sigma
from bench.schedule import CLEAN, Level, Schedule, VPSchedule


class ExactPrior(Prior):
    """A prior that is a distribution: it can be sampled, evaluated and conditioned exactly."""

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """E[x0], (1 or B, *shape)."""

    @abstractmethod
    def sample(self, noise: Noise) -> Tensor:
        """One exact draw per stream, (B, *shape)."""

    @abstractmethod
    def log_density(self, x: Tensor, t: Level = CLEAN) -> Tensor:
        """The logarithm of the density of x_t at x, (B, *shape) -> (B,); differentiable."""

    @abstractmethod
    def score(self, x: Tensor, t: Level = CLEAN) -> Tensor:
        """The gradient of `log_density` in x, (B, *shape); every direction needs a variance at t."""

    @abstractmethod
    def posterior(self, y: Tensor, A: LinearOperator, sigma: float) -> "ExactPrior":
        """The distribution of x0 given y = A x0 + sigma n.

        Args:
            y: (B, *m), one row per image. A single row gives a posterior that serves a batch of any size.
            A: one operator per row of y.
            sigma: >= 0; 0 conditions on A x0 = y.
        """


class MixturePrior(ExactPrior):
    """sum_k w_k N(mu_k, Q diag(e_k) Q^T).

    Args:
        weights: (K,), positive; normalised here.
        means: (K, *shape); its dtype and device are those of the prior.
        variances: (K, d) or (1, d), the eigenvalues e_k >= 0, d the number of pixels. Equal rows are stored
            once, and then the posterior's components share one covariance too.
        basis: (d, d), orthogonal, eigenvectors in columns and shared by the components; None is the identity.
        schedule: in any coordinates; default `VPSchedule()`.

    Raises:
        ValueError: shapes that do not fit, or a negative variance.
    """

    def __init__(
        self,
        weights: Tensor,
        means: Tensor,
        variances: Tensor,
        basis: Tensor | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        K, d = len(means), means[0].numel()
        weighted = weights.shape == (K,) and variances.shape in {(1, d), (K, d)}
        if not weighted or (basis is not None and basis.shape != (d, d)):
            got = None if basis is None else tuple(basis.shape)
            raise ValueError(
                f"{K} means of {d} entries need weights ({K},), variances (1, {d}) or ({K}, {d}) "
                f"and a basis ({d}, {d}); got {tuple(weights.shape)}, {tuple(variances.shape)} and {got}"
            )
        if (variances < 0).any():
            raise ValueError(f"variances must not be negative; the smallest is {variances.min():g}")
        self.shape, self.schedule = tuple(means.shape[1:]), schedule or VPSchedule()
        self.dtype, self.device = means.dtype, means.device
        self.log_weights = (weights / weights.sum()).log()[None]
        self.basis = None if basis is None else basis[None, None]
        self.axes_computed = False
        self.centres = means.reshape(1, K, d) if basis is None else means.reshape(1, K, d) @ basis
        self.variances = variances[None, :1] if (variances == variances[:1]).all() else variances[None]

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """The same distribution on another device or in another dtype."""
        moved = {k: v.to(device, dtype) for k, v in self._tensors().items()}
        return self._with(**moved, dtype=moved["centres"].dtype, device=moved["centres"].device)

    def on(self, schedule: Schedule) -> Self:
        """The same distribution, noised by another schedule."""
        return self._with(schedule=schedule)

    def __getitem__(self, images: Images) -> Self:
        """The distributions of some images, where every image has its own."""
        own = {name: v[images] for name, v in self._tensors().items() if len(v) > 1}
        return self._with(**own)

    def _tensors(self) -> dict[str, Tensor]:
        """What it is made of, each with a leading axis: P, or 1 where all images share it."""
        return {name: v for name, v in vars(self).items() if isinstance(v, Tensor)}

    def _with(self, **attributes: object) -> Self:
        other = copy.copy(self)
        vars(other).update(attributes)
        return other

    # Coordinates.

    def _rotate(self, x: Tensor) -> Tensor:
        """The coordinates z_k = Q_k^T x, (B, *shape) -> (B, 1 or K, d)."""
        x = x.flatten(1)
        return x[:, None] if self.basis is None else torch.einsum("bi,bkij->bkj", x, self.basis)

    def _restore(self, z: Tensor) -> Tensor:
        """sum_k Q_k z_k, (B, 1 or K, d) -> (B, *shape)."""
        x = z[:, 0] if self.basis is None else torch.einsum("bkj,bkij->bi", z, self.basis)
        return x.reshape(-1, *self.shape)

    def _mix(self, r: Tensor, values: Tensor) -> Tensor:
        """r_k values_k, summed over the components where they share a basis.

        (B, K), (P, K or 1, d) -> (B, 1 or K, d).
        """
        if self.basis is not None and self.basis.shape[1] > 1:
            return r[..., None] * values
        if values.shape[1] == 1:
            return r.sum(1)[:, None, None] * values
        if len(values) == 1:
            return (r @ values[0])[:, None]
        return torch.einsum("bk,bkd->bd", r, values)[:, None]

    def _log_joint(self, z: Tensor, t: Level) -> Tensor:
        """Log w_k N(z; alpha mu_k, S_k), (B, 1 or K, d) -> (B, K)."""
        alpha, sigma = _level(t)
        S, centre = alpha**2 * self.variances + sigma**2, alpha * self.centres
        pull = centre / S
        quadratic = _dot(z * z, 1 / S) - 2 * _dot(z, pull) + _dot(centre, pull)
        return self.log_weights - 0.5 * (quadratic + S.log().sum(-1) + z.shape[-1] * math.log(2 * math.pi))

    # What the interface asks for.

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, None]:
        with torch.no_grad():
            return self._denoise(x, t)[0], None

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, None, Pullback]:
        """The Jacobian dx0/dx_t = (alpha / sigma^2) Cov[x0 | x_t] is symmetric and known in closed form."""
        alpha, sigma = _level(t)
        with torch.no_grad():
            x0, z, r, shift, slope = self._denoise(x, t)

        def pull(u: Tensor) -> Tensor:
            with torch.no_grad():
                w = self._rotate(u)
                out = self._mix(r, slope) * w
                if r.shape[1] > 1:
                    along = _dot(w, shift) + _dot(z * w, slope)
                    # Relative to the likeliest component: near t = 0 the factor below is 1e4, and would
                    # magnify its rounding.
                    along = along - along.gather(1, r.argmax(1, keepdim=True))
                    along = along - (r * along).sum(1, keepdim=True)
                    factor = alpha / sigma**2
                    gain = r * along * (factor[..., 0] if isinstance(factor, Tensor) else factor)
                    out = out + self._mix(gain, shift) + z * self._mix(gain, slope)
                return self._restore(out)

        return x0, None, pull

    def _denoise(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Denoises: x0, z, the responsibilities r_k, and shift_k + slope_k z = Q^T E[x0 | x_t, k]."""
        alpha, sigma = _level(t)
        z = self._rotate(x)
        r = self._log_joint(z, t).softmax(1)
        S = alpha**2 * self.variances + sigma**2
        shift, slope = self.centres * sigma**2 / S, alpha * self.variances / S
        return self._restore(self._mix(r, shift) + z * self._mix(r, slope)), z, r, shift, slope

    @property
    def mean(self) -> Tensor:
        return self._restore(self._mix(self.log_weights.exp(), self.centres))

    @property
    def covariance(self) -> Tensor:
        """Cov[x0], (1 or B, d, d)."""
        w = self.log_weights.exp()[..., None, None]
        off = self.component_means() - self.mean.flatten(1)[:, None]
        return (w * (self.component_covariances() + off[..., None] * off[..., None, :])).sum(1)

    def component_means(self) -> Tensor:
        """The means mu_k in pixels, (P, K, d)."""
        return self.centres if self.basis is None else (self.basis @ self.centres[..., None])[..., 0]

    def component_covariances(self) -> Tensor:
        """The covariances in pixels, (P, K, d, d), or (P, 1, d, d) where the components share one."""
        if self.basis is None:
            return torch.diag_embed(self.variances)
        return (self.basis * self.variances[..., None, :]) @ self.basis.mT

    def sample(self, noise: Noise) -> Tensor:
        u, z = noise.uniform((1,)).to(self.centres), noise.new((self.centres.shape[-1],)).to(self.centres)
        # Eigenvectors are arbitrary where variances repeat, and differ between machines: these draws do not
        # depend on them.
        z = self._rotate(z) if self.axes_computed else z[:, None]
        below = self.log_weights.exp().cumsum(1)[:, :-1]
        chosen = torch.nn.functional.one_hot((u >= below).sum(1), self.log_weights.shape[1]).to(self.dtype)
        return self._restore(self._mix(chosen, self.centres) + self._mix(chosen, self.variances.sqrt()) * z)

    def log_density(self, x: Tensor, t: Level = CLEAN) -> Tensor:
        return self._log_joint(self._rotate(x), t).logsumexp(1)

    def score(self, x: Tensor, t: Level = CLEAN) -> Tensor:
        alpha, sigma = _level(t)
        z = self._rotate(x)
        r = self._log_joint(z, t).softmax(1)
        S = alpha**2 * self.variances + sigma**2
        return self._restore(self._mix(r, alpha * self.centres / S) - z * self._mix(r, 1 / S))

    def responsibilities(self, x: Tensor, t: Level = CLEAN) -> Tensor:
        """The probability of each component given x_t = x, (B, *shape) -> (B, K)."""
        return self._log_joint(self._rotate(x), t).softmax(1)

    def project(self, W: Tensor) -> Self:
        """The distribution of W x0, (p,), for a matrix W, (p, d), that acts on the flattened image."""
        axes = W if self.basis is None else W @ self.basis
        e, Q = torch.linalg.eigh((axes * self.variances[..., None, :]) @ axes.mT)
        centres = (Q.mT @ (W @ self.component_means()[..., None]))[..., 0]
        return self._with(
            shape=(len(W),), centres=centres, variances=e.clamp_min(0), basis=Q, axes_computed=True
        )

    def posterior(self, y: Tensor, A: LinearOperator, sigma: float) -> Self:
        """Per component, the Kalman update.

        Dense algebra in float64 on the CPU, meant for d up to about 1000.
        """
        require_sigma(sigma)
        prior, y = self.to("cpu", torch.float64), real_parts(moved(y.detach(), "cpu", torch.float64))
        H = dense(A.to("cpu", torch.float64))[:, None]
        mean, cov = prior.component_means(), prior.component_covariances()
        residual = y[:, None, :, None] - H @ mean[..., None]
        value, vector = torch.linalg.eigh(H @ cov @ H.mT + sigma**2 * torch.eye(y.shape[1], dtype=y.dtype))
        # Directions without any variance (unmeasured rows, noiseless repeats) carry no information: they are
        # left out.
        kept = value > value.amax(-1, keepdim=True) * torch.finfo(y.dtype).eps * y.shape[1]
        inverse = torch.where(kept, 1 / value.clamp_min(torch.finfo(y.dtype).tiny), 0)
        gain = cov @ H.mT @ (vector * inverse[..., None, :]) @ vector.mT
        spectral = (vector.mT @ residual)[..., 0]
        evidence = -0.5 * ((spectral**2 * inverse).sum(-1) + torch.where(kept, value.log(), 0).sum(-1))
        rest = torch.eye(H.shape[-1], dtype=y.dtype) - gain @ H
        # Joseph's form stays positive semi-definite where cov - gain H cov would cancel.
        e, Q = torch.linalg.eigh(rest @ cov @ rest.mT + sigma**2 * gain @ gain.mT)
        centres = (Q.mT @ (mean[..., None] + gain @ residual))[..., 0]
        log_weights = (prior.log_weights + evidence).log_softmax(1)
        update = {"log_weights": log_weights, "centres": centres, "variances": e.clamp_min(0), "basis": Q}
        return prior._with(**update, axes_computed=True).to(self.device, self.dtype)


class GaussianPrior(MixturePrior):
    """N(mean, Q diag(e) Q^T).

    Args:
        mean: (*shape); its dtype and device are those of the prior.
        variances: (d,), the eigenvalues e >= 0.
        basis: (d, d), orthogonal, eigenvectors in columns; None is the identity.
        schedule: in any coordinates; default `VPSchedule()`.
    """

    def __init__(
        self, mean: Tensor, variances: Tensor, basis: Tensor | None = None, schedule: Schedule | None = None
    ) -> None:
        super().__init__(torch.ones(1).to(mean), mean[None], variances[None], basis, schedule)


def dense(A: LinearOperator) -> Tensor:
    """The matrices of a batch of linear operators on flattened images, (B, m, d); A in float64 on the CPU.

    They give the `real_parts` of y, of which a complex one has two an entry.
    """
    d = math.prod(A.shape)
    images = torch.eye(d, dtype=torch.float64).reshape(d, *A.shape)
    columns = real_parts(A.repeat_interleave(d)(images.repeat(len(A), *(1 for _ in A.shape))))
    return columns.reshape(len(A), d, -1).mT


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product over the last axis, (B, 1 or K, d), (P, 1 or K, d) -> (B, 1 or K).

    The other axes broadcast. Where all rows share b it is one matrix product, without the overhead of
    `torch.einsum`.
    """
    if a.shape[1] == 1 and len(b) == 1:
        return a[:, 0] @ b[0].T
    return torch.einsum("bkd,bkd->bk", a, b)


def _level(t: Level) -> tuple[float | Tensor, float | Tensor]:
    """Alpha and sigma, shaped to broadcast against (B, K, d) where they differ between images."""
    if isinstance(t.alpha, Tensor):
        return t.alpha.reshape(-1, 1, 1), t.sigma.reshape(-1, 1, 1)
    return t.alpha, t.sigma
