"""The promises of every solver, each checked in seconds on problems with a known answer.

`check_solver` tries the promises on a solver class, ours or a user's, and says for each broken one what was
seen. The problems are small images with a Gaussian prior in closed form, so the exact posterior is known.
"""

import inspect
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.checks.coordinates import means_the_same_in_all_coordinates
from bench.checks.promise import NotAboutIt, Promise, single_thread, tried
from bench.exact.prior import ExactPrior, GaussianPrior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.prior import CountingPrior, Prior, Pullback
from bench.schedule import Level
from bench.solver import LinearOperator, Measurement, Solver, Step, particles

SHAPE, STEPS, SIGMA, IMAGES = (1, 8, 8), 100, 0.1, 8
TOLERANCE = 1e-4
"""Tolerance of float32 arithmetic in another order (batch of one against a batch): far above rounding, far
below any coupling."""


NOTHING: Mapping[str, Any] = MappingProxyType({})


class Trial(NamedTuple):
    """A measurement of images x, drawn from a prior that knows its posterior."""

    prior: ExactPrior
    measurement: Measurement
    x: Tensor


def make_trial(operator: str = "inpaint_random", dtype: torch.dtype = torch.float32) -> Trial:
    """IMAGES measurements of smooth 8 x 8 Gaussian images."""
    e, Q = torch.linalg.eigh(smooth_covariance())
    prior = GaussianPrior(torch.zeros(SHAPE, dtype=dtype), e.to(dtype), Q.to(dtype))
    keys = [stream_key("contract", i) for i in range(IMAGES)]
    x = prior.sample(StreamNoise(keys, dtype))
    A = make_operator(operator, SHAPE, range(IMAGES)).to(dtype=dtype)
    y = A(x)
    n = StreamNoise([key + 1 for key in keys], dtype).like(y)
    y = y + SIGMA * (n if A.measured is None else n * A.measured)
    return Trial(prior, Measurement(y, A, SIGMA), x)


def smooth_covariance() -> Tensor:
    """(64, 64), pixel variance 0.25, correlation falling with distance: neighbours tell about a hole."""
    i = torch.arange(SHAPE[1], dtype=torch.float64)
    axis = torch.exp(-0.5 * ((i[:, None] - i) / 1.5) ** 2) + 1e-3 * torch.eye(SHAPE[1], dtype=torch.float64)
    return 0.25 * torch.kron(axis, axis) / axis[0, 0] ** 2


def run(
    solver: Solver, trial: Trial, images: slice = slice(None), seed: int = 0, prior: Prior | None = None
) -> Iterator[Step]:
    """The steps of a solver on some images of a trial, with its prior or another one."""
    keys = [stream_key("contract-sampler", seed, i) for i in range(IMAGES)]
    noise = StreamNoise(keys[images], trial.prior.dtype)
    y, A, sigma = trial.measurement
    return solver.solve(Measurement(y[images].clone(), A[images], sigma), prior or trial.prior, noise)


def last(steps: Iterator[Step]) -> Tensor:
    """The reconstruction: the state of the last step."""
    x = None
    for step in steps:
        x = step.x
    if x is None:
        raise ValueError("solve() yielded nothing; yield a Step(x, x0) after every step")
    return x.clone()


# The promises: each takes a solver instance and returns what is wrong, or None.


def is_finite_and_shaped(solver: Solver) -> str | None:
    """Every step is a Step of finite tensors of the image's shape."""
    P = particles(solver)
    form = (IMAGES, P, *SHAPE) if P > 1 else (IMAGES, *SHAPE)
    for k, step in enumerate(run(solver, make_trial())):
        if not isinstance(step, Step):
            return f"step {k} is a {type(step).__name__}, not a Step(x, x0)"
        for name, value in step._asdict().items():
            if value.shape != form:
                return f"step {k}: {name} has shape {tuple(value.shape)}, expected {form}"
            if not value.isfinite().all():
                return f"step {k}: {name} is not finite"
    return None


def repeats(solver: Solver) -> str | None:
    """The same seed gives the same result, seed 0 included."""
    first, again = last(run(solver, make_trial())), last(run(solver, make_trial()))
    if torch.equal(first, again):
        return None
    gap = (first - again).abs().max()
    return f"two runs with seed 0 differ by up to {gap:.2g}; draw from `noise` only"


class GraphCounter(CountingPrior):
    """Sees how many pullbacks of earlier steps are alive when a new graph is about to be built."""

    def __init__(self, prior: Prior) -> None:
        super().__init__(prior, Counter())
        self.pulls: list[weakref.ref[Pullback]] = []
        self.held = 0

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        alive = sum(ref() is not None for ref in self.pulls)
        self.held = max(self.held, alive)
        x0, v, pull = super().moments_vjp(x, t)
        self.pulls.append(weakref.ref(pull))
        return x0, v, pull


def holds_one_graph(solver: Solver) -> str | None:
    """One step's network graph lives at a time."""
    trial = make_trial()
    prior = GraphCounter(trial.prior)
    last(run(solver, trial, prior=prior))
    if not prior.pulls:
        raise NotAboutIt
    held = "the pullback of a step is still held in the next one, at twice the memory; `del` it after use"
    return held if prior.held else None


def uses_own_noise_only(solver: Solver) -> str | None:
    """Torch's global generator is not touched."""
    before = torch.random.get_rng_state()
    last(run(solver, make_trial()))
    if not torch.equal(before, torch.random.get_rng_state()):
        return "drew from torch's global generator; draw from `noise`, which has one stream per image"
    return None


def ignores_batch_mates(solver: Solver) -> str | None:
    """An image alone gives what it gives in a batch."""
    trial = make_trial()
    together = last(run(solver, trial))
    alone = torch.cat([last(run(solver, trial, slice(i, i + 1))) for i in range(2)])
    gap = (together[:2] - alone).abs().max()
    if gap > TOLERANCE:
        seen = f"an image alone and in a batch of {IMAGES} differ by up to {gap:.2g}"
        return f"{seen}; reduce over one image, not over the batch"
    return None


def settings_of(solver: Solver) -> dict[str, Any]:
    """The hyper-parameters of a solver, by name."""
    return {f.name: getattr(solver, f.name) for f in fields(solver)}


def leaves_inputs_alone(solver: Solver) -> str | None:
    """y, the operator and the hyper-parameters are not changed."""
    trial = make_trial()
    y, A, _ = trial.measurement
    kept, masks = y.clone(), {name: value.clone() for name, value in A.parameters().items()}
    settings = settings_of(solver)
    noise = StreamNoise([stream_key("contract-sampler", 0, i) for i in range(IMAGES)], trial.prior.dtype)
    last(solver.solve(trial.measurement, trial.prior, noise))
    if not torch.equal(y, kept):
        return "y was overwritten; work on a copy"
    if any(not torch.equal(value, masks[name]) for name, value in A.parameters().items()):
        return "the operator's mask or kernel was overwritten"
    if settings != settings_of(solver):
        return "a hyper-parameter was changed while solving"
    return None


def leaves_grad_mode_alone(solver: Solver) -> str | None:
    """The caller's gradient mode is the same at every yield, and no graph is handed out."""
    for mode in (True, False):
        with torch.set_grad_enabled(mode):
            for k, step in enumerate(run(solver, make_trial())):
                if torch.is_grad_enabled() is not mode:
                    state = "disabled" if mode else "enabled"
                    return f"step {k}: yielded with gradients {state}; never yield inside no_grad"
                if step.x.requires_grad or step.x0.requires_grad:
                    what = "a tensor that carries a graph"
                    return f"step {k}: yielded {what}; use the prior's and operator's vjp"
    return None


def counts_its_steps(solver: Solver) -> str | None:
    """It makes as many network evaluations as the field ``steps`` says (where there is one)."""
    steps = getattr(solver, "steps", None)
    if steps is None:
        raise NotAboutIt
    calls: Counter[str] = Counter()
    trial = make_trial()
    last(run(solver, trial, prior=CountingPrior(trial.prior, calls)))
    n = IMAGES * particles(solver)
    if calls["nfe"] == n * steps:
        return None
    seen = f"{calls['nfe'] / n:g} network evaluations for steps = {steps}"
    return f"{seen}; if that is meant, do not call the field `steps`"


def uses_the_measurement(solver: Solver) -> str | None:
    """It comes nearer to the exact posterior mean than A+ y and than the prior mean, on a mild problem."""
    if solver.baseline:
        raise NotAboutIt
    trial = make_trial()  # 30 % of the pixels
    y, A, sigma = trial.measurement
    assert isinstance(A, LinearOperator)
    target = trial.prior.posterior(y, A, sigma).mean.to(trial.x)
    # The mean over images and two seeds: one sample is sqrt(2) further from the mean than the mean of many.
    x = torch.stack([last(run(solver, trial, seed=seed)) for seed in range(2)]).mean(0)
    error = rms(x - target)
    pinv, prior_mean = rms(A.pinv(y) - target), rms(torch.zeros_like(trial.x) - target)
    if error >= min(pinv, prior_mean):
        others = f"A+ y has {pinv:.3f} and the prior mean {prior_mean:.3f}"
        return f"rms distance to the posterior mean {error:.3f}; {others}"
    return None


def rms(v: Tensor) -> float:
    """Root of the mean square of all entries."""
    return float(v.square().mean().sqrt())


def names_its_paper(solver: Solver) -> str | None:
    """``paper`` holds an arXiv (or openreview:) identifier, printed under every table."""
    if solver.paper or solver.baseline:
        return None
    return "set the ClassVar `paper` to the arXiv identifier (or a DOI)"


def is_documented(solver: Solver) -> str | None:
    """The class has a docstring of its own."""
    doc = type(solver).__dict__.get("__doc__") or ""
    generated = doc.startswith(f"{type(solver).__name__}(")
    if doc.strip() and not generated:
        return None
    return "write a class docstring with the algorithm and its source"


PROMISES: list[Callable[[Solver], str | None]] = [
    is_documented,
    names_its_paper,
    is_finite_and_shaped,
    repeats,
    uses_own_noise_only,
    ignores_batch_mates,
    leaves_inputs_alone,
    leaves_grad_mode_alone,
    counts_its_steps,
    holds_one_graph,
    means_the_same_in_all_coordinates,
    uses_the_measurement,
]

WELL_FORMED = "It is a frozen dataclass below Solver with solve() and defaults."


def check_solver(solver: type[Solver] | Solver, quick: Mapping[str, Any] = NOTHING) -> list[Promise]:
    """Tries every promise on a solver; a class is built with its defaults and at most 100 steps.

    Args:
        quick: settings of a small budget that a class is built with instead, from its card.

    Returns:
        One `Promise` each, in a fixed order; an exception inside a promise breaks it.
    """
    if inspect.isclass(solver):
        flaw = malformed(solver)
        if flaw:
            return [Promise(WELL_FORMED, flaw)]
        solver = solver(**quick)
    if getattr(solver, "steps", 0) > STEPS:
        fewer: dict[str, Any] = {"steps": STEPS}
        solver = replace(solver, **fewer)
    with single_thread():
        return [Promise(WELL_FORMED, None), *(tried(promise, solver) for promise in PROMISES)]


def malformed(solver: type) -> str | None:
    """The reason why a class cannot even be tried, or None."""
    name = solver.__name__
    if not issubclass(solver, Solver):
        return f"{name} is not a subclass of bench.solver.Solver"
    known = {f.name for f in fields(solver)}
    lost = []
    for field, annotation in inspect.get_annotations(solver).items():
        if field not in known and "ClassVar" not in str(annotation):
            lost.append(field)
    if lost:
        return f"{', '.join(lost)}: not a hyper-parameter of {name}; decorate it with @dataclass(frozen=True)"
    if inspect.isabstract(solver):
        return f"{name} does not define solve()"
    bare = [f.name for f in fields(solver) if f.default is MISSING and f.default_factory is MISSING]
    return f"give every hyper-parameter a default; without one: {', '.join(bare)}" if bare else None
