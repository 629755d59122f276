"""Priors, which know E[x0 | x_t].

A prior is a pretrained network or, in `bench.exact.prior`, a distribution in closed form.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.batch import Images, Tally, chosen
from bench.noise import Noise
from bench.schedule import Level, Schedule

Pullback = Callable[[Tensor], Tensor]


def require_sigma(sigma: Any) -> None:
    """Refuses what is no standard deviation of noise.

    Args:
        sigma: a number or a tensor of such.

    Raises:
        ValueError: it is negative, NaN or infinite.
    """
    values = torch.as_tensor(sigma, dtype=torch.float64)
    if not bool((torch.isfinite(values) & (values >= 0)).all()):
        raise ValueError(f"sigma = {sigma}: the noise in y has a finite standard deviation of at least 0")


class Prior(ABC):
    """The denoiser of x_t = alpha_t x0 + sigma_t eps, and its vector-Jacobian product.

    Attributes:
        shape: of one image, (C, H, W) in [-1, 1], or (d,) for vectors.
        schedule: the noise levels the prior knows.
        dtype, device: of what it takes and returns.
    """

    shape: tuple[int, ...]
    schedule: Schedule
    dtype: torch.dtype
    device: torch.device
    name: str = "unnamed"
    weights_sha256: str = ""
    """Identity of what was learned, part of every record's key; empty for a prior in closed form."""
    config_sha256: str = ""
    """Hash of the architecture and the schedule, which change results without changing the weights; part of
    the key too."""
    classes: int = 0
    """How many classes it knows; where there are any, `condition` must tell it those of the images."""
    privileged: bool = False
    """Whether it was told something about the truth: its class."""

    @abstractmethod
    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        """E[x0 | x_t = x] and the learned variance, without a graph.

        Args:
            x: (B, *shape) at level t.

        Returns:
            x0: (B, *shape).
            v: (B, *shape), the learned interpolation between the logarithms of the two posterior variances of
                DDPM, -1 for the small and 1 for the large one (Nichol & Dhariwal 2021); None where it was not
                learned.
        """

    @abstractmethod
    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        """What `moments` returns, and the pullback u -> (dx0/dx)^T u, which may be called several times."""

    def moments_vjp_once(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        """What `moments_vjp` returns, but the pullback is called once: it may free its memory as it works."""
        return self.moments_vjp(x, t)

    def denoise(self, x: Tensor, t: Level) -> Tensor:
        """E[x0 | x_t = x], (B, *shape); one network evaluation, no graph."""
        return self.moments(x, t)[0]

    def vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Pullback]:
        """E[x0 | x_t = x] and u -> (dx0/dx)^T u; one network evaluation, and one backward pass per pull."""
        x0, _, pull = self.moments_vjp(x, t)
        return x0, pull

    def __getitem__(self, images: Images) -> "Prior":
        """The prior of some images of the batch: itself, unless it knows something of each image."""
        return self

    def condition(self, labels: Sequence[int]) -> "Prior":
        """The prior of images of known classes, which is privileged information.

        Args:
            labels: one class per image of the batch, 0 .. classes - 1.

        Raises:
            ValueError: the prior has no such class.
        """
        raise ValueError(f"prior '{self.name}' takes no labels: it is unconditional")

    def posterior(self, y: Tensor, A: Any, sigma: float) -> "Prior":
        """The distribution of x0 given y = A x0 + sigma n, which a prior in closed form knows.

        Args:
            y: (B, *m).
            A: one `LinearOperator` per row of y.
            sigma: >= 0.

        Raises:
            ValueError: the prior has no closed form, or sigma is negative or not finite.
        """
        raise ValueError(f"prior '{self.name}' has no closed form, and so no exact posterior")

    def sample(self, noise: Noise) -> Tensor:
        """One exact draw per stream, (B, *shape), which a prior in closed form can make.

        Raises:
            ValueError: the prior has no closed form.
        """
        raise ValueError(f"prior '{self.name}' has no closed form, and so no exact samples")

    @property
    def guidance(self) -> dict[str, Any] | None:
        """What steers the prior towards its labels, as a record keeps it; None where nothing does."""
        return None

    @property
    def switches(self) -> tuple[str, ...]:
        """What changes seconds and memory but no result beyond rounding."""
        return ()

    def recompute(self, on: bool = True) -> bool:
        """Computes activations again in backward passes, which trades time for memory.

        Returns:
            Whether that changed anything.
        """
        return False

    def speed_up(self, batch: int, compiled: bool = True) -> tuple[str, ...]:
        """Measures faster ways of calling a network, and takes those that gain a tenth or more.

        Results change within the rounding of the precision that is chosen.

        Args:
            batch: images that come together.
            compiled: whether to try compilation, which may take minutes.

        Returns:
            What was found, a line each; nothing for a prior that is no network.
        """
        return ()


class CountingPrior(Prior):
    """A prior that tallies what a solver asks of it, ``nfe`` and ``vjps``, for each image."""

    def __init__(self, prior: Prior, tally: Tally, images: np.ndarray | None = None) -> None:
        """``images``: those of the tally that this prior is asked about; all by default."""
        self.prior, self.tally = prior, tally
        self.images = np.arange(tally.images) if images is None else images
        self.shape, self.schedule = prior.shape, prior.schedule
        self.dtype, self.device = prior.dtype, prior.device
        self.name = prior.name
        self.weights_sha256, self.config_sha256 = prior.weights_sha256, prior.config_sha256
        self.classes, self.privileged = prior.classes, prior.privileged

    def __getitem__(self, images: Images) -> "CountingPrior":
        other = copy.copy(self)
        other.prior, other.images = self.prior[images], self.images[chosen(images, len(self.images))]
        return other

    def posterior(self, y: Tensor, A: Any, sigma: float) -> "CountingPrior":
        """The posterior of the counted prior, which goes on counting in the same tally."""
        return CountingPrior(self.prior.posterior(y, A, sigma), self.tally, self.images)

    def sample(self, noise: Noise) -> Tensor:
        """Exact draws; no evaluation."""
        return self.prior.sample(noise)

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        self.count("nfe", x)
        return self.prior.moments(x, t)

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        self.count("nfe", x)
        return self.counted(*self.prior.moments_vjp(x, t))

    def moments_vjp_once(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        self.count("nfe", x)
        return self.counted(*self.prior.moments_vjp_once(x, t))

    def counted(self, x0: Tensor, v: Tensor | None, pull: Pullback) -> tuple[Tensor, Tensor | None, Pullback]:
        """What a call of either kind gave, with a pullback that is counted."""

        def counted_pull(u: Tensor) -> Tensor:
            self.count("vjps", u)
            return pull(u)

        return x0, v, counted_pull

    def count(self, kind: str, x: Tensor) -> None:
        """Tallies a call with x, before it is made."""
        if x.is_complex():
            raise ValueError(f"the prior was asked for the estimate of {x.dtype} states; images are real")
        self.tally.add_rows(kind, self.images, x.shape[0])
