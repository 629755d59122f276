"""Priors: what knows E[x0 | x_t]. A pretrained network, or (in `bench.exact`) a distribution in closed form."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bench.noise import Noise
from bench.schedule import Level, VPSchedule

Pullback = Callable[[Tensor], Tensor]


class Prior(ABC):
    """The denoiser of x_t = alpha_t x0 + sigma_t eps, and its vector-Jacobian product.

    Attributes:
        shape: of one image, (C, H, W) in [-1, 1], or (d,) for vectors.
        schedule: the noise levels the prior knows.
        dtype, device: of what it takes and returns.

    """

    shape: tuple[int, ...]
    schedule: VPSchedule
    dtype: torch.dtype
    device: torch.device
    name: str = "unnamed"
    weights_sha256: str = ""
    """Identity of what was learned, part of every record's key; empty for a prior in closed form."""
    config_sha256: str = ""
    """Of the architecture and schedule, which change results without changing the weights; part of the key too."""

    @abstractmethod
    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        """E[x0 | x_t = x] and the learned variance, without a graph.

        Args:
            x: (B, *shape) at level t.

        Returns:
            x0: (B, *shape).
            v: (B, *shape), the learned interpolation between the logarithms of the two posterior variances of DDPM, -1
                for the small and 1 for the large one (Nichol & Dhariwal 2021); None where it was not learned.

        """

    @abstractmethod
    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        """The same, and the pullback u -> (dx0/dx)^T u, which may be called several times."""

    def denoise(self, x: Tensor, t: Level) -> Tensor:
        """E[x0 | x_t = x], (B, *shape); one network evaluation, no graph."""
        return self.moments(x, t)[0]

    def vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Pullback]:
        """E[x0 | x_t = x] and u -> (dx0/dx)^T u; one network evaluation, and one backward pass per pull."""
        x0, _, pull = self.moments_vjp(x, t)
        return x0, pull


class WatchedPrior(Prior):
    """A prior that tallies what a solver asks of it, ``nfe`` and ``vjps``, in images: one call for B images counts B."""

    def __init__(self, prior: Prior, calls: Counter[str]) -> None:
        self.prior, self.calls = prior, calls
        self.shape, self.schedule, self.dtype, self.device = prior.shape, prior.schedule, prior.dtype, prior.device
        self.name, self.weights_sha256 = prior.name, prior.weights_sha256

    def posterior(self, *given: Any) -> "WatchedPrior":
        """As of `bench.exact.ExactPrior`, tallied alike."""
        return WatchedPrior(self.prior.posterior(*given), self.calls)

    def sample(self, noise: Noise) -> Tensor:
        """As of `bench.exact.ExactPrior`; no evaluation."""
        return self.prior.sample(noise)

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        self.calls["nfe"] += len(x)
        return self.prior.moments(x, t)

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        self.calls["nfe"] += len(x)
        x0, v, pull = self.prior.moments_vjp(x, t)

        def watched(u: Tensor) -> Tensor:
            self.calls["vjps"] += len(u)
            return pull(u)

        return x0, v, watched


class NetworkPrior(Prior):
    """A noise-predicting network as a prior: x0 = (x - sigma_t eps(x, t)) / alpha_t.

    Args:
        network: called as ``network(x, index)`` with index (1,), broadcast over the batch, so that the time embedding does
            not depend on the batch size; returns eps, (B, C, H, W), or (B, 2 C, H, W) with a learned variance behind it.
        shape: (C, H, W).
        dtype: of the state that solvers see; the network computes in its own parameters' dtype, or under ``autocast``.
        autocast: run the network under this lower precision; None does not.

    """

    def __init__(
        self,
        network: nn.Module,
        shape: tuple[int, ...],
        schedule: VPSchedule | None = None,
        dtype: torch.dtype = torch.float32,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.shape, self.schedule, self.dtype, self.autocast = tuple(shape), schedule or VPSchedule(), dtype, autocast
        self.device = next(network.parameters()).device

    def _eps(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        index = torch.as_tensor(t.index, dtype=torch.float32, device=x.device).reshape(-1)
        with torch.autocast(x.device.type, self.autocast or torch.bfloat16, enabled=self.autocast is not None):
            out = self.network(x, index)
        out = out.to(x.dtype)
        if out.shape[1] == x.shape[1]:
            return out, None
        eps, v = out.chunk(2, dim=1)
        return eps, v

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        with torch.no_grad():
            eps, v = self._eps(x, t)
            return (x - t.sigma * eps) / t.alpha, v

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            eps, v = self._eps(x, t)
            x0 = (x - t.sigma * eps) / t.alpha

        def pull(u: Tensor) -> Tensor:
            return torch.autograd.grad(x0, x, u, retain_graph=True)[0]

        return x0.detach(), None if v is None else v.detach(), pull
