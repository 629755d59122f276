"""Priors in closed form, by name, and problems drawn from them, whose truth is known.

Each name is both a prior and a data set in a suite; its images are draws of the prior, so that the posterior
is exact. With ``-tune`` behind it a name means the same prior and other draws: presets are tuned on problems
that no suite evaluates.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from functools import partial

import torch
from torch import Tensor

from bench.data import DataError
from bench.exact.prior import GaussianPrior, MixturePrior
from bench.names import nearest
from bench.noise import StreamNoise, stream_key
from bench.records.keys import digest

REV = 1
"""Raised whenever one of these priors changes; part of the keys."""
PREFIX = "exact-"
TUNE = "-tune"
PROBLEMS = 100
F64 = torch.float64


def _mixture(d: int, scale: float = 1.0) -> MixturePrior:
    """25 components on the grid of MCGdiff (Cardoso et al. 2024, arXiv 2308.07983).

    They are scaled to entries of unit variance: the means repeat (8 i, 8 j), i, j = -2 .. 2, and the
    components have unit variance there; all of it is divided by 8 sqrt 2. The weights are one draw from the
    uniform distribution on the simplex.
    """
    grid = torch.cartesian_prod(*(torch.arange(-2, 3, dtype=F64),) * 2)
    means = grid.repeat(1, d // 2) / math.sqrt(2)
    weights = -torch.log1p(-_stream("mixture weights").uniform((25,))[0])
    variances = torch.full((1, d), (scale / (8 * math.sqrt(2))) ** 2, dtype=F64)
    return MixturePrior(weights, scale * means, variances)


def _skew() -> MixturePrior:
    """10 components of 8 dimensions, whose axes are shared.

    Their 80 standard deviations spread over a factor of 30.
    """
    stream, d, K = _stream("skew"), 8, 10
    basis = torch.linalg.qr(stream.new((d, d))[0])[0]
    means, u = stream.new((K, d))[0], stream.uniform((K, d))[0]
    return MixturePrior(torch.full((K,), 1 / K, dtype=F64), means @ basis.T, 0.5**2 * 900**-u, basis)


def _spectrum(side: int, std: float) -> Tensor:
    """Variances of a 1/f^2 spectrum in the order of the Hartley basis, with mean std^2.

    The constant image is as strong as f = 1.
    """
    f2 = frequencies(side) ** 2
    power = 1 / f2.clamp_min(1)
    return (std**2 * power / power.mean()).flatten()


def _gaussian(side: int) -> GaussianPrior:
    """Circular images with a 1/f^2 spectrum, mean 0, pixel standard deviation 0.5."""
    return GaussianPrior(torch.zeros(1, side, side, dtype=F64), _spectrum(side, 0.5), hartley(side))


def _templates(side: int) -> MixturePrior:
    """Four templates that differ only where every hole of `inpaint_box` is.

    The measured pixels do not tell them apart, so the posterior weights are those of the prior, .4 .3 .2 .1.
    The components share a 1/f^2 covariance of pixel standard deviation 0.25; the nearest two means are 8
    Mahalanobis units apart.
    """
    variances, basis, half = _spectrum(side, 0.25), hartley(side), side // 32
    signs = torch.tensor(
        [[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]], dtype=F64
    )
    means, place = torch.zeros(4, side, side, dtype=F64), slice(side // 2 - 2 * half, side // 2 + 2 * half)
    means[:, place, place] = signs.repeat_interleave(2 * half, 1).repeat_interleave(2 * half, 2)
    z = means.flatten(1) @ basis / variances.sqrt()
    nearest = torch.nn.functional.pdist(z).min()
    return MixturePrior(
        torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=F64), 8 / nearest * means[:, None], variances[None], basis
    )


CLOSED_FORMS: dict[str, Callable[[], MixturePrior]] = {
    f"{PREFIX}mixture2": partial(_mixture, 2),
    f"{PREFIX}mixture8": partial(_mixture, 8),
    f"{PREFIX}mixture80": partial(_mixture, 80),
    f"{PREFIX}mixture800": partial(_mixture, 800),
    f"{PREFIX}quarter8": partial(_mixture, 8, scale=0.5),
    f"{PREFIX}skew8": _skew,
    f"{PREFIX}gaussian16": partial(_gaussian, 16),
    f"{PREFIX}gaussian32": partial(_gaussian, 32),
    f"{PREFIX}templates32": partial(_templates, 32),
}
"""What makes each prior, by its name in suites."""


class ExactImages:
    """Draws of a prior in closed form as a data set.

    Image "problem-007" is a function of the prior's name and of that one.

    Attributes:
        prior: in float64 on the CPU; its posteriors are what samples are scored against.
    """

    def __init__(self, name: str) -> None:
        self.name, self.prior = name, exact_prior(name)
        self.shape, self.card_sha256 = self.prior.shape, self.prior.config_sha256
        self.ids = [f"problem-{k:03d}" for k in range(PROBLEMS)]

    def image(self, image: str) -> Tensor:
        """(*shape) float32."""
        return self.prior.sample(_stream(self.name, image))[0].float()

    def image_sha256(self, image: str) -> str:
        """sha256 of the float32 values."""
        return hashlib.sha256(self.image(image).numpy().tobytes()).hexdigest()


def is_exact(name: str) -> bool:
    """Whether a name of a prior or data set is that of one in closed form."""
    return name.startswith(PREFIX)


def exact_prior(name: str, dtype: torch.dtype = F64, device: torch.device | str = "cpu") -> MixturePrior:
    """The prior in closed form of a name.

    Raises:
        DataError: there is none.
    """
    closed_form = name.removesuffix(TUNE)
    if closed_form not in CLOSED_FORMS:
        raise DataError(f"unknown prior in closed form '{name}'{nearest(name, CLOSED_FORMS)}")
    prior = CLOSED_FORMS[closed_form]()
    prior.name = name
    schedule = prior.schedule
    assert is_dataclass(schedule), "its fields are part of the identity"
    # "world" is the word of the keys of earlier records.
    prior.config_sha256 = digest({"world": closed_form, "rev": REV, "schedule": asdict(schedule)})
    return prior.to(device, dtype)


def hartley(side: int) -> Tensor:
    """The orthonormal 2-D Hartley transform of flattened images, (side^2, side^2).

    It is symmetric and its own inverse.
    """
    k = torch.arange(side, dtype=F64)
    phase = 2 * math.pi / side * k[:, None] * k
    cos, sin = phase.cos(), phase.sin()
    real = torch.kron(cos, cos) - torch.kron(sin, sin)
    return (real + torch.kron(sin, cos) + torch.kron(cos, sin)) / side


def frequencies(side: int) -> Tensor:
    """|f| in cycles per image at each place of the Hartley transform, (side, side)."""
    f = torch.fft.fftfreq(side, 1 / side, dtype=F64)
    return torch.hypot(f[:, None], f)


def _stream(*name: str) -> StreamNoise:
    """The stream of a name; "exact world" is the word of the streams of earlier records."""
    return StreamNoise([stream_key("exact world", *name)], F64)
