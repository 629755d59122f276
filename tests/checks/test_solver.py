"""The contract: every solver of the suite keeps it, and a solver that breaks a promise is told which."""

import inspect
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest
import torch

from bench.checks.solver import check_solver, hint
from bench.solver import ConjugateGradients, Count, LinearOperator, Solver, Step, Steps, ddim, norm
from tests.ours import SOLVERS

LONGER = {"scg": 100}
"""Evaluations of a method that chooses among candidates: 20 of them make too few steps to beat A+ y."""

CROWDED: dict[str, dict[str, int]] = {"fps_smc": {"particles": 4}}
"""Settings in which a method with particles resamples them."""


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_keep_the_contract(name):
    """Each in a short form; the defaults keep it too, in up to ten seconds."""
    short = SOLVERS[name](**CROWDED.get(name, {})).quick(LONGER.get(name, 20))
    assert [promise for promise in check_solver(short) if promise.broken] == []


@dataclass(frozen=True)
class Sound(Solver):
    """A projection sampler that keeps every promise; each class below breaks one."""

    paper: ClassVar[str] = "0000.00000"
    needs: ClassVar = LinearOperator
    steps: Steps = 20

    def draw(self, noise, x):
        return noise.like(x)

    def data(self, x0, y, A):
        return x0 + A.pinv(y - A(x0))

    def solve(self, measurement, prior, noise):
        y, A, _ = measurement
        levels = prior.schedule.levels(self.steps)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0 = self.data(prior.denoise(x, t), y, A)
            x = ddim(x, x0, t, s, 0.5, self.draw(noise, x))
            yield Step(x, x0)


class GlobalNoise(Sound):
    """Draws from torch's generator."""

    def draw(self, noise, x):
        return torch.randn_like(x)


class BatchNorm(Sound):
    """One norm for the whole batch."""

    def data(self, x0, y, A):
        r = y - A(x0)
        return x0 + A.pinv(r) * (r.norm() / (1 + r.norm())) + 0 * norm(r)


class Overwrites(Sound):
    """Works on y in place."""

    def data(self, x0, y, A):
        y.mul_(0.999)
        return super().data(x0, y, A)


class Twice(Sound):
    """Two evaluations per step."""

    def solve(self, measurement, prior, noise):
        for step in super().solve(measurement, prior, noise):
            prior.denoise(step.x, prior.schedule.level(0))
            yield step


class Leaks(Sound):
    """Yields inside no_grad."""

    def solve(self, measurement, prior, noise):
        with torch.no_grad():
            yield from super().solve(measurement, prior, noise)


class Hoards(Sound):
    """Keeps the pullback of a step through the next."""

    def solve(self, measurement, prior, noise):
        y, A, _ = measurement
        levels = prior.schedule.levels(self.steps)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0, pull = prior.vjp(x, t)
            pull(x0)
            x0 = self.data(x0, y, A)
            x = ddim(x, x0, t, s, 0.5, noise.like(x))
            yield Step(x, x0)


class Blind(Sound):
    """Ignores y."""

    def data(self, x0, y, A):
        return x0


class Diverges(Sound):
    """Not finite."""

    def data(self, x0, y, A):
        return x0 / 0


class WrongShape(Sound):
    """Flattens the image."""

    def solve(self, measurement, prior, noise):
        for x, x0, _ in super().solve(measurement, prior, noise):
            yield Step(x.flatten(1), x0)


class Anonymous(Sound):
    """No paper."""

    paper: ClassVar[str] = ""


class Raises(Sound):
    """Fails on its first step."""

    def data(self, x0, y, A):
        raise RuntimeError("no such plan")


@dataclass(frozen=True)
class Particles(Solver):
    """A small sequential Monte Carlo: particles are resampled by the misfit of x0 at every level."""

    paper: ClassVar[str] = "0000.00000"
    needs: ClassVar = LinearOperator
    steps: Steps = 20
    particles: Count = 4

    def solve(self, measurement, prior, noise):
        P, (y, A, _) = self.particles, measurement
        y, A = y.repeat_interleave(P, 0), A.repeat_interleave(P)
        levels = prior.schedule.levels(self.steps)
        x = levels[0].std * noise.new((P, *prior.shape)).flatten(0, 1)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            log_w = -(norm(y - A(x0)) ** 2).view(-1, P)
            chosen = torch.searchsorted(log_w.softmax(1).cumsum(1), noise.uniform((P,))).clamp_max(P - 1)
            kept = (chosen + P * torch.arange(len(log_w))[:, None]).flatten()
            x, x0 = x[kept], x0[kept] + A.pinv(y - A(x0[kept]))
            x = ddim(x, x0, t, s, 1.0, noise.new((P, *prior.shape)).flatten(0, 1))
            yield Step(
                x.unflatten(0, (-1, P)), x0.unflatten(0, (-1, P)), {"moved": 1.0 * (chosen > 0).sum(1)}
            )


@pytest.mark.parametrize("P", [4, 1])
def test_a_solver_with_particles_passes(P):
    assert [promise for promise in check_solver(Particles(particles=P)) if promise.broken] == []


class ToldTooMuch(Sound):
    """Its yields() is that of another."""

    def yields(self):
        return 7


class NeverQuick(Sound):
    """Its short form is its long one."""

    def quick(self, n):
        return self


class Notes(Sound):
    """One note for the whole batch."""

    def solve(self, measurement, prior, noise):
        for step in super().solve(measurement, prior, noise):
            yield step._replace(notes={"misfit": torch.zeros(1)})


class Trusting(Sound):
    """Inverts the network's Jacobian as if it were a covariance."""

    needs_gradient: ClassVar[bool] = True

    def solve(self, measurement, prior, noise):
        y, A, sigma = measurement
        x = noise.new(prior.shape)
        for t, s in pairwise(prior.schedule.levels(100)):
            x0, pull = prior.vjp(x, t)
            gamma, cg = t.sigma**2 / t.alpha, ConjugateGradients(y - A(x0))
            for _ in range(10):
                cg.step(sigma**2 * cg.p + gamma * A(pull(A.adjoint(cg.p))))
            x0 = x0 + gamma * pull(A.adjoint(cg.x))
            x = ddim(x, x0, t, s, 1.0, noise.like(x))
            del pull
            yield Step(x, x0)


BROKEN = {
    ToldTooMuch: "20 steps; yields() says 7",
    NeverQuick: "quick(10) has steps = 20",
    Notes: "misfit has shape (1,), expected (8,)",
    Trusting: "assumes that the Jacobian is a covariance",
    GlobalNoise: "global generator",
    BatchNorm: "reduce over one image",
    Overwrites: "y was overwritten",
    Twice: "40 network evaluations for steps = 20",
    Hoards: "still held in the next one",
    Leaks: "never yield inside no_grad",
    Blind: "distance to the posterior mean",
    Diverges: "is not finite",
    WrongShape: "has shape",
    Anonymous: "arXiv",
    Raises: "no such plan",
}


def test_a_sound_solver_passes():
    assert [promise for promise in check_solver(Sound) if promise.broken] == []


@pytest.mark.long
@pytest.mark.parametrize("solver", BROKEN, ids=lambda solver: solver.__name__)
def test_each_broken_promise_is_named(solver):
    assert any(BROKEN[solver] in promise.broken for promise in check_solver(solver) if promise.broken)


@pytest.mark.long
def test_a_promise_that_is_not_about_a_solver_is_not_kept_by_it():
    silent = {
        name: [p.says for p in check_solver(SOLVERS[name]().quick(20)) if not p.applies]
        for name in ("red_diff", "dps", "pinv")
    }
    assert silent["red_diff"] == ["One step's network graph lives at a time."] and silent["dps"] == []
    assert len(silent["pinv"]) == 3, "it has no network, no steps and nothing to beat"


def test_what_is_not_a_solver_is_said_at_once():
    class Thawed(Sound):
        """Not decorated."""

        lr: float = 1.0

    assert "lr: not a hyper-parameter of Thawed; decorate it" in check_solver(Thawed)[0].broken
    assert "not a subclass" in check_solver(dict)[0].broken


class ThroughTheNetwork(Sound):
    """Differentiates through `prior.denoise`, which keeps no graph."""

    def solve(self, measurement, prior, noise):
        y, A, _ = measurement
        t = prior.schedule.levels(self.steps)[0]
        x = noise.new(prior.shape).requires_grad_()
        with torch.enable_grad():
            x0 = prior.denoise(x, t)
            loss = (y - A(x0)).square().sum()
            yield Step(x - torch.autograd.grad(loss, x)[0], x0)


def test_gradients_through_the_network_are_said_to_be_those_of_vjp():
    source = inspect.getsource(ThroughTheNetwork).splitlines()
    offset = next(n for n, text in enumerate(source) if "autograd.grad" in text)
    line = inspect.getsourcelines(ThroughTheNetwork)[1] + offset
    said = {promise.broken for promise in check_solver(ThroughTheNetwork) if promise.broken}
    expected = (
        "raised RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn "
        f"(test_solver.py:{line}); use prior.vjp(x, t), or vjp_once(prior, x, t) of bench.solver, for "
        "gradients through the network, A.vjp(x) for those of the operator"
    )
    assert expected in said
    assert hint(RuntimeError("another")) == ""
