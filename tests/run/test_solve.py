"""The only place where a solver runs: its clock, its counts and what it must yield."""

import math
import time
from dataclasses import dataclass

import pytest
import torch

from bench.batch import Tally
from bench.noise import StreamNoise
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.prior import CountingPrior
from bench.run.inputs import measure, solver_noise
from bench.run.solve import ContractViolation, Finiteness, require_step, solve, warm_up
from bench.solver import Measurement, Solver, Step, state_shape
from bench.suites.changes import override
from bench.suites.suite import load_suite
from solvers.ddrm import DDRM
from solvers.tds import TDS
from tests.tiny import build


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return load_suite(str(build(tmp_path_factory.mktemp("tiny"))))


def test_warm_up_is_short_for_a_solver_that_yields_late(suite):
    @dataclass(frozen=True)
    class Late(Solver):
        def solve(self, measurement, prior, noise):
            x = noise.new(prior.shape)
            for k in range(50, 0, -1):
                x = prior.denoise(x, prior.schedule.level(k))
            yield Step(x, x)

    plan, calls = prepare(override(suite, ["pinv"], ["box"]), Options()), Tally(1)
    task = plan.cells[0].task
    measurement = measure(task, plan.cells[0].data, ["im0"]).measurement
    warm_up(
        Late(),
        measurement,
        CountingPrior(plan.cells[0].prior, calls),
        solver_noise(task, ["im0"], [0], "late"),
    )
    assert calls["nfe"].tolist() == [2]


@pytest.mark.long
def test_solvers_do_not_pay_for_noise(suite):
    plan = prepare(override(suite, ["ddrm"], ["box"]), Options())
    (cell,) = plan.cells
    noise = solver_noise(cell.task, ["im0"], [0], "ddrm")

    class SlowNoise(StreamNoise):
        def _call(self, words):
            time.sleep(0.5)
            super()._call(words)

    measurement = measure(cell.task, cell.data, ["im0"]).measurement
    given = Measurement(measurement.y.float(), measurement.A.to(dtype=torch.float32), measurement.sigma)
    start = time.perf_counter()
    outcome = solve(cell.solver, given, cell.prior, SlowNoise(noise.keys))
    wall = time.perf_counter() - start
    assert outcome.seconds < wall - 4 * 0.5
    assert outcome.steps == 4 and outcome.nfe.tolist() == [4]


def test_an_image_is_lost_at_its_first_step_that_is_not_finite():
    finite, x = Finiteness(3), torch.zeros(3, 2)
    x[1, 0] = torch.nan
    assert not finite.all_lost(torch.zeros(3, 2), 1) and not finite.all_lost(x, 2)
    x[2, 1] = torch.inf
    assert not finite.all_lost(x, 3) and finite.lost_at == [None, 2, 3]
    x[0] = -torch.inf
    assert finite.all_lost(x, 4) and finite.lost_at == [4, 2, 3]


def test_a_step_has_the_shape_of_the_images_and_particles():
    assert state_shape(DDRM(), 2, (1, 8, 8)) == (2, 1, 8, 8)
    shape = state_shape(TDS(particles=5), 2, (1, 8, 8))
    assert shape == (2, 5, 1, 8, 8)
    require_step(Step(torch.zeros(shape), torch.zeros(shape)), shape)
    with pytest.raises(ContractViolation, match="x of shape"):
        require_step(Step(torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)), shape)
    with pytest.raises(ContractViolation, match="yielded Tensor"):
        require_step(torch.zeros(shape), shape)
    x = torch.zeros(2, 1, 8, 8)
    with pytest.raises(ContractViolation, match=r"noted 'a' with shape \(1,\)"):
        require_step(Step(x, x, {"a": torch.zeros(1)}), x.shape)


def test_one_particle_is_a_particle():
    assert state_shape(TDS(particles=1), 2, (1, 8, 8)) == (2, 1, 1, 8, 8)


@dataclass(frozen=True)
class Stopping(Solver):
    """Denoises until an image is bright enough; each image stops by itself."""

    stops_early = True
    steps: int = 5

    def solve(self, measurement, prior, noise):
        x = noise.new(prior.shape)
        level = prior.schedule.level(10)
        active = torch.ones(len(x), dtype=torch.bool)
        for k in range(self.steps):
            active = active & (k <= measurement.y.flatten(1).mean(1).abs() * 10)
            if active.any():
                some, x = measurement.select(active), x.clone()
                x[active] = prior[active].denoise(x[active] + noise[active].like(x[active]), level)
                some.A(x[active])
            yield Step(x, x, {"steps": active})


def test_an_image_that_stops_pays_for_what_it_took(suite):
    """Network and operator calls and notes are those of each image, and it is the image that it is alone."""
    plan = prepare(override(suite, ["pinv"], ["box"]), Options())
    task, data, prior = plan.cells[0].task, plan.cells[0].data, plan.cells[0].prior
    images = ["im0", "im3", "im1"]
    y, A, sigma = measure(task, data, images).measurement
    y = torch.stack([torch.full(y.shape[1:], value) for value in (0.05, 0.45, 0.15)])

    def outcome(chosen):
        given = Measurement(y[chosen], A[chosen].to(dtype=torch.float32), sigma)
        return solve(Stopping(), given, prior, solver_noise(task, images, [0] * 3, "stopping")[chosen])

    together = outcome(slice(0, 3))
    assert together.nfe.tolist() == together.operator_calls.tolist() == [1, 4, 2]
    assert together.notes["steps"].tolist() == [1, 4, 2]
    for i in range(3):
        alone = outcome(slice(i, i + 1))
        assert alone.nfe == together.nfe[i]
        torch.testing.assert_close(alone.x[0], together.x[i], rtol=1e-4, atol=1e-4)


def test_a_gpu_is_not_waited_for_until_the_losses_are_asked_for(monkeypatch):
    """It answers each question two steps later."""
    asked = []

    class Event:
        def record(self, stream):
            self.place = len(asked)
            asked.append(self)

        def query(self):
            return len(asked) >= self.place + 2

        def synchronize(self):
            pass

    class OnGpu(torch.Tensor):
        device = torch.device("cuda")

    plain = torch.empty
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    monkeypatch.setattr(torch, "empty", lambda *given, pin_memory=False, **more: plain(*given, **more))
    finite = Finiteness(2)
    x = torch.zeros(2, 3)
    states = [x, x.clone(), x.clone()]
    states[1][0], states[2][:] = math.nan, math.inf
    told = [finite.all_lost(state.as_subclass(OnGpu), k) for k, state in enumerate(states, 1)]
    assert told == [False] * 3
    assert finite.lost_at == [2, 3]
    assert finite.all_lost(x.as_subclass(OnGpu), 4)
