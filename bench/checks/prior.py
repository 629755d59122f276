"""The promises of every prior, each tried in seconds on states that the prior itself has sampled.

`check_prior` needs no images and no truth. It tells a right network from one that is asked at wrong levels or
in wrong units, or that has a wrong pullback.
"""

import math
from collections.abc import Callable
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from bench.checks.promise import NotAboutIt, Promise, tried
from bench.noise import StreamNoise, stream_key
from bench.operators.base import dot
from bench.prior import Prior
from bench.schedule import Level, ddim

IMAGES, STEPS = 3, 20
ROUNDING = {torch.float64: 1e-8, torch.float32: 2e-3}
"""Relative tolerance of one network in another batch or under another mode."""
COARSE, STEP, TINY = 5e-2, 3e-2, 1e-30
"""Relative tolerance of 16 bits and of derivatives by differences; their steps, in standard deviations."""
RATIOS = 0.3, 3.0
"""Noise-to-signal ratios at which a prior is asked."""
REACH = 2.0
"""How far from 0 the samples of images in [-1, 1] may reach."""


class PriorTrial:
    """A prior, some of its own samples, and states at known levels, all from fixed streams."""

    def __init__(self, prior: Prior) -> None:
        labels = [i % prior.classes for i in range(IMAGES)] if prior.classes else []
        self.prior = prior.condition(labels) if labels else prior

    def normals(self, draw: int) -> Tensor:
        """(B, *shape), the same at every call with the same number."""
        keys = [stream_key("check-prior", draw, i) for i in range(IMAGES)]
        return StreamNoise(keys, self.prior.dtype, self.prior.device).new(self.prior.shape)

    @cached_property
    def x0(self) -> Tensor:
        """(B, *shape), samples by `STEPS` steps of DDIM."""
        levels = self.prior.schedule.levels(min(STEPS, self.prior.schedule.T))
        x = start(levels[0]) * self.normals(0)
        for t, s in pairwise(levels):
            x = ddim(x, self.prior.denoise(x, t), t, s, 0.0, x)
        return x

    def at(self, ratio: float) -> tuple[Tensor, Level[float]]:
        """The samples with fresh noise, (B, *shape), at the level of a ratio, and that level."""
        t = self.prior.schedule.between(ratio, ratio, 1)[0]
        return t.alpha * self.x0 + t.sigma * self.normals(1), t

    def apart(self, what: str, a: Tensor, b: Tensor) -> str | None:
        """A message where two tensors differ by more than rounding, relative to the largest value."""
        a, b = a.detach(), b.detach()
        gap = float((a - b).abs().max() / b.abs().max().clamp_min(torch.finfo(b.dtype).tiny))
        precise = getattr(self.prior, "autocast", None) is None
        tolerance = ROUNDING.get(self.prior.dtype, COARSE) if precise else COARSE
        return None if gap <= tolerance else f"{what} by {gap:.2g} of the largest value"


def start(t: Level[float]) -> float:
    """The standard deviation of a state at a level, for images of unit variance."""
    return (t.alpha**2 + t.sigma**2) ** 0.5


# The promises: each takes a trial and returns what is wrong, or None.


def denoises_states(trial: PriorTrial) -> str | None:
    """denoise(x, t) is finite, of the prior's shape, dtype and device, at all levels, fractional too."""
    prior, schedule = trial.prior, trial.prior.schedule
    levels = [schedule.level(0), schedule.level(schedule.T - 1)]
    levels += [schedule.between(ratio, ratio, 1)[0] for ratio in RATIOS]
    for t in levels:
        x = start(t) * trial.normals(0)
        x0 = prior.denoise(x, t)
        if (x0.shape, x0.dtype, x0.device) != (x.shape, x.dtype, x.device):
            given, asked = (f"{v.dtype} {tuple(v.shape)} on {v.device}" for v in (x0, x))
            return f"at index {t.index:g} it gives {given}, for {asked}"
        if not x0.isfinite().all():
            return f"at index {t.index:g} it is not finite"
    return None


def is_pure(trial: PriorTrial) -> str | None:
    """The same state gives the same estimate, is not changed, and no graph is handed out."""
    x, t = trial.at(RATIOS[0])
    kept, generator = x.clone(), torch.random.get_rng_state()
    x.requires_grad_()
    first, again = trial.prior.denoise(x, t), trial.prior.denoise(x, t)
    estimate, pull = trial.prior.vjp(x, t)
    if first.requires_grad or estimate.requires_grad or pull(first).requires_grad:
        return "an estimate or a pullback carries a graph; detach what you return"
    if not torch.equal(first, again):
        return "two calls with the same state differ; put the network into eval mode"
    if not torch.equal(x, kept):
        return "the state was overwritten; work on a copy"
    same = torch.equal(generator, torch.random.get_rng_state())
    return None if same else "drew from torch's global generator"


def has_one_estimate(trial: PriorTrial) -> str | None:
    """vjp() gives the estimate of denoise()."""
    x, t = trial.at(RATIOS[0])
    estimate = trial.prior.vjp(x, t)[0]
    return trial.apart("the estimates of vjp and denoise differ", estimate, trial.prior.denoise(x, t))


def has_its_derivative(trial: PriorTrial) -> str | None:
    """The pullback is the transposed derivative of the estimate, by differences."""
    for ratio in RATIOS:
        (x, t), z = trial.at(ratio), trial.normals(2)
        h = STEP * t.sigma
        along = (trial.prior.denoise(x + h * z, t) - trial.prior.denoise(x - h * z, t)) / (2 * h)
        pulled = trial.prior.vjp(x, t)[1](along)
        square = dot(along, along)
        error = float(((dot(pulled, z) - square).abs() / square.clamp_min(TINY)).max())
        if error > COARSE:
            return f"at index {t.index:g}, <pull(J z), z> and |J z|^2 differ by {error:.0%}"
    return None


def pulls_repeatedly(trial: PriorTrial) -> str | None:
    """A pullback may be called several times, and is linear."""
    x, t = trial.at(RATIOS[0])
    pull = trial.prior.vjp(x, t)[1]
    u = trial.x0
    first = pull(u)
    broken = trial.apart("two calls of a pullback differ", pull(u), first)
    return broken or trial.apart("pull(2 u) and 2 pull(u) differ", pull(2 * u), 2 * first)


def ignores_batch_mates(trial: PriorTrial) -> str | None:
    """An image alone gives what it gives in the batch, and so does prior[i : i + 1]."""
    x, t = trial.at(RATIOS[0])
    together, pulled = trial.prior.denoise(x, t), trial.prior.vjp(x, t)[1](trial.x0)
    for i in range(IMAGES):
        image = slice(i, i + 1)
        alone = trial.prior[image]
        what = "an image alone and in a batch differ"
        if broken := trial.apart(what, alone.denoise(x[image], t), together[image]):
            return broken
        again = alone.vjp(x[image], t)[1](trial.x0[image])
        if broken := trial.apart(f"the pullbacks of {what}", again, pulled[image]):
            return broken
    return None


def takes_a_level_per_image(trial: PriorTrial) -> str | None:
    """A level may be a tensor with an entry per image."""
    states = [trial.at(ratio) for ratio in (*RATIOS, 1.0)]
    column = (-1, *(1,) * len(trial.prior.shape))
    x = torch.stack([state[i] for i, (state, _) in enumerate(states)])
    index, alpha, sigma = x.new_tensor([list(t) for _, t in states]).T
    together = trial.prior.denoise(x, Level(index, alpha.reshape(column), sigma.reshape(column)))
    for i, (state, t) in enumerate(states):
        image = slice(i, i + 1)
        alone = trial.prior[image].denoise(state[image], t)
        if broken := trial.apart("a level per image and one alone differ", together[image], alone):
            return broken
    return None


def has_the_range_of_images(trial: PriorTrial) -> str | None:
    """Its samples are images in [-1, 1] (not about vectors)."""
    if len(trial.prior.shape) != 3:
        raise NotAboutIt
    low, high = (float(end) for end in trial.x0.aminmax())
    if max(-low, high) > REACH:
        return f"{STEPS} steps of DDIM end between {low:.2g} and {high:.2g}"
    return f"samples lie between {low:.2g} and {high:.2g}, as images in [0, 1] do" if low > -0.05 else None


def removes_noise(trial: PriorTrial) -> str | None:
    """The estimate is nearer to the clean image than the noisy one is."""
    x, t = trial.at(RATIOS[0])
    before, after = rms(x / t.alpha - trial.x0), rms(trial.prior.denoise(x, t) - trial.x0)
    if after < before:
        return None
    seen = f"noise of {before:.2g} becomes an error of {after:.2g} at index {t.index:g}"
    return f"{seen}; look at what the network predicts, its levels and its scale"


def rms(v: Tensor) -> float:
    """Root of the mean square of all entries."""
    return math.sqrt(float(v.double().square().mean()))


PROMISES: list[Callable[[PriorTrial], str | None]] = [
    denoises_states,
    is_pure,
    has_one_estimate,
    has_its_derivative,
    pulls_repeatedly,
    ignores_batch_mates,
    takes_a_level_per_image,
    has_the_range_of_images,
    removes_noise,
]


def check_prior(prior: Prior) -> list[Promise]:
    """Tries every promise on a prior, a network or a closed form.

    Returns:
        One `Promise` each, in a fixed order; an exception inside a promise breaks it.
    """
    trial = PriorTrial(prior)
    return [tried(promise, trial) for promise in PROMISES]
