"""The only place where a solver runs: its clock, its counts and what it must yield."""

import time
from collections import Counter
from dataclasses import dataclass

import pytest
import torch

from bench.noise import StreamNoise
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.prior import CountingPrior
from bench.run.inputs import measure, solver_noise
from bench.run.solve import ContractViolation, Finiteness, require_step, solve, state_shape, warm_up
from bench.solver import Measurement, Solver, Step
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

    plan, calls = prepare(override(suite, ["pinv"], ["box"]), Options()), Counter()
    task = plan.cells[0].task
    measurement = measure(task, plan.cells[0].data, ["im0"]).measurement
    warm_up(
        Late(),
        measurement,
        CountingPrior(plan.cells[0].prior, calls),
        solver_noise(task, ["im0"], [0], "late"),
    )
    assert calls == {"nfe": 2}


@pytest.mark.long
def test_solvers_do_not_pay_for_noise(suite):
    plan = prepare(override(suite, ["ddrm"], ["box"]), Options())
    (cell,) = plan.cells
    noise = solver_noise(cell.task, ["im0"], [0], "ddrm")

    class SlowNoise(StreamNoise):
        def new(self, shape):
            time.sleep(0.5)
            return super().new(shape)

    measurement = measure(cell.task, cell.data, ["im0"]).measurement
    given = Measurement(measurement.y.float(), measurement.A.to(dtype=torch.float32), measurement.sigma)
    start = time.perf_counter()
    outcome = solve(cell.solver, given, cell.prior, SlowNoise(noise.keys))
    wall = time.perf_counter() - start
    assert outcome.seconds < wall - 4 * 0.5
    assert outcome.steps == outcome.nfe == 4


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
