"""The promises of every solver, each checked in seconds on problems with a known answer.

`check_solver` tries the promises on a solver class, ours or a user's, and says for each broken one what was
seen. The problems are small images with a Gaussian prior in closed form, so the exact posterior is known.
"""

import inspect
import weakref
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import torch
from torch import Tensor

from bench.batch import Tally
from bench.checks.coordinates import means_the_same_in_all_coordinates
from bench.checks.promise import NotAboutIt, Promise, single_thread, tried
from bench.checks.solver_trial import (
    IMAGES,
    SHAPE,
    ImperfectPrior,
    as_images,
    last,
    make_trial,
    run,
)
from bench.noise import StreamNoise, stream_key
from bench.prior import CountingPrior, Prior, Pullback
from bench.solver import LinearOperator, Solver, Step, particles, state_shape

BUDGET = 100
"""Network evaluations of a solver that is tried, at most."""
TOLERANCE = 1e-4
"""Tolerance of float32 arithmetic in another order (batch of one against a batch): far above rounding, far
below any coupling."""
NEAR = 5.0
"""How far from the images' range, [-1, 1], an imperfect prior may take a reconstruction."""


# The promises: each takes a solver instance and returns what is wrong, or None.


def is_finite_and_shaped(solver: Solver) -> str | None:
    """Every step is a Step of finite tensors of the image's shape, with a number per image in each note."""
    form = state_shape(solver, IMAGES, SHAPE)
    for k, step in enumerate(run(solver, make_trial())):
        if not isinstance(step, Step):
            return f"step {k} is a {type(step).__name__}, not a Step(x, x0)"
        for name, value in (("x", step.x), ("x0", step.x0), *step.notes.items()):
            expected = (IMAGES,) if name in step.notes else form
            if tuple(value.shape) != expected:
                return f"step {k}: {name} has shape {tuple(value.shape)}, expected {expected}"
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
        super().__init__(prior, Tally(IMAGES))
        self.pulls: list[weakref.ref[Pullback]] = []
        self.held = 0

    def count(self, kind: str, x: Tensor) -> None:
        if kind == "nfe":
            alive = sum(ref() is not None for ref in self.pulls)
            self.held = max(self.held, alive)
        super().count(kind, x)

    def counted(self, x0: Tensor, v: Tensor | None, pull: Pullback) -> tuple[Tensor, Tensor | None, Pullback]:
        x0, v, pull = super().counted(x0, v, pull)
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
    tally, trial = Tally(IMAGES), make_trial()
    last(run(solver, trial, prior=CountingPrior(trial.prior, tally)))
    calls = tally["nfe"] / particles(solver)
    if calls.max() > steps or (calls.min() < steps and not solver.stops_early):
        made = " to ".join(dict.fromkeys((f"{calls.min():g}", f"{calls.max():g}")))
        remedy = "if that is meant, do not call the field `steps`, or set `stops_early`"
        return f"{made} network evaluations for steps = {steps}; {remedy}"
    return None


def tells_how_often_it_yields(solver: Solver) -> str | None:
    """It yields as often as yields() says (where it says so)."""
    said = solver.yields()
    if said is None:
        raise NotAboutIt
    made = len(list(run(solver, make_trial())))
    return None if made == said else f"{made} steps; yields() says {said}: override it"


def has_a_short_form(solver: Solver) -> str | None:
    """quick(n) is the same solver with at most n network evaluations."""
    few = solver.quick(10)
    if type(few) is not type(solver):
        return f"quick(10) is a {type(few).__name__}; return dataclasses.replace(self, ...)"
    steps = getattr(few, "steps", 0)
    return f"quick(10) has steps = {steps}" if steps > 10 else None


def survives_an_imperfect_prior(solver: Solver) -> str | None:
    """A denoiser with an asymmetric, slightly indefinite Jacobian, as networks have, leaves it bounded."""
    trial = make_trial()
    prior = ImperfectPrior(trial.prior)
    if solver.reject(trial.measurement.A, prior) is not None:
        raise NotAboutIt
    x = last(run(solver, trial, prior=prior))
    far = float(x.abs().max())
    if far <= NEAR:
        return None
    return (
        f"|x| reaches {far:.3g} for images in [-1, 1]; guard what assumes that the Jacobian is a covariance"
    )


def uses_the_measurement(solver: Solver) -> str | None:
    """It comes nearer to the exact posterior mean than A+ y and than the prior mean, on a mild problem."""
    if solver.baseline:
        raise NotAboutIt
    trial = make_trial()  # 30 % of the pixels
    y, A, sigma = trial.measurement
    assert isinstance(A, LinearOperator)
    target = trial.prior.posterior(y, A, sigma).mean.to(trial.x)
    # The mean over images and two seeds: one sample is sqrt(2) further from the mean than the mean of many.
    runs = [as_images(solver, last(run(solver, trial, seed=seed))) for seed in range(2)]
    x = torch.stack(runs).mean(0)
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
    tells_how_often_it_yields,
    has_a_short_form,
    holds_one_graph,
    survives_an_imperfect_prior,
    means_the_same_in_all_coordinates,
    uses_the_measurement,
]

WELL_FORMED = "It is a frozen dataclass below Solver with solve() and defaults."


def check_solver(solver: type[Solver] | Solver) -> list[Promise]:
    """Tries every promise on a solver, at most `BUDGET` network evaluations long; a class has its defaults.

    Returns:
        One `Promise` each, in a fixed order; an exception inside a promise breaks it.
    """
    if inspect.isclass(solver):
        flaw = malformed(solver)
        if flaw:
            return [Promise(WELL_FORMED, flaw)]
        solver = solver()
    with single_thread():
        try:
            short = solver.quick(BUDGET)
        except Exception as error:  # noqa: BLE001 a user's code may raise anything; the check reports it
            return [Promise(WELL_FORMED, f"quick({BUDGET}) raised {type(error).__name__}: {error}")]
        return [Promise(WELL_FORMED, None), *(tried(promise, short, hint) for promise in PROMISES)]


def hint(error: Exception) -> str:
    """What to do where a solver differentiates through what autograd does not see."""
    if "does not require grad" not in str(error):
        return ""
    return (
        "; use prior.vjp(x, t), or vjp_once(prior, x, t) of bench.solver, for gradients through the network, "
        "A.vjp(x) for those of the operator"
    )


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
