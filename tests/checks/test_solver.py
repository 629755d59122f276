"""The contract: every solver of the suite keeps it, and a solver that breaks a promise is told which."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest
import torch

from bench.checks.solver import check_solver
from bench.solver import LinearOperator, Solver, Step, Steps, ddim, norm
from tests.ours import CARDS, SOLVERS


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_keep_the_contract(name):
    """Each with the `quick` settings of its card; the defaults keep it too, in up to ten seconds."""
    assert [promise for promise in check_solver(SOLVERS[name], CARDS[name].quick) if promise.broken] == []


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
        for x, x0 in super().solve(measurement, prior, noise):
            yield Step(x.flatten(1), x0)


class Anonymous(Sound):
    """No paper."""

    paper: ClassVar[str] = ""


class Raises(Sound):
    """Fails on its first step."""

    def data(self, x0, y, A):
        raise RuntimeError("no such plan")


BROKEN = {
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
        name: [p.says for p in check_solver(SOLVERS[name], CARDS[name].quick) if not p.applies]
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
