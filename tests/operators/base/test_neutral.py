"""A setting that is added to a solver, an operator or a task moves no key at its neutral value."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import pytest
import torch

from bench.operators import OPERATORS
from bench.operators.base.neutral import Neutral, added, is_neutral, keyed, neutral_fields
from bench.operators.masks import InpaintRandom
from bench.plan import build as plan
from bench.plan.build import make_cells, operator_settings
from bench.plan.options import Options
from bench.plan.task import Task
from bench.records.record import Record
from bench.run.inputs import measure
from bench.suites.suite import Suite, SuiteError
from bench.verify.rebuild import CHANGED, difference
from solvers.ddrm import DDRM
from solvers.dps import DPS
from tests.suites.test_suite import FakeData, FakePrior, fake_loader


@dataclass(frozen=True)
class Tilted(DPS):
    tilt: Annotated[float, Neutral(0.0)] = 0.0


@dataclass(frozen=True)
class Written(DPS):
    tilt: "Annotated[float, Neutral(0)]" = 0.5


@dataclass(frozen=True)
class Inherited(Written):
    more: int = 1


def turned(shape, seeds, p: float = 0.7, angle: Annotated[float, Neutral(0.0)] = 0.0):
    return InpaintRandom(shape, seeds, p)


@dataclass(frozen=True)
class Poisson(Task):
    rate: Annotated[float | None, Neutral(None)] = None


def cell(solver=(), operator=()):
    suite = {
        "name": "s",
        "dataset": "d",
        "prior": "p",
        "images": 2,
        "tasks": [{"name": "t", "operator": "inpaint_random", "sigma": 0.1, "params": dict(operator)}],
        "solvers": [{"solver": "dps", "params": dict(solver)}],
    }
    (one,) = make_cells(Suite.model_validate(suite), fake_loader, {"dtype": "float32"})
    return one


@pytest.mark.parametrize("grown", [Tilted, Written])
def test_a_field_of_a_solver(monkeypatch, grown):
    before = cell()
    monkeypatch.setattr("solvers.dps.DPS", grown)
    neutral, other = cell({"tilt": 0}), cell({"tilt": 0.5})
    assert neutral.id == before.id and neutral.key("im", "sha", 0) == before.key("im", "sha", 0)
    assert other.id != before.id and other.config["solver"]["params"]["tilt"] == 0.5
    assert neutral.solver.tilt == 0, "what runs and is recorded has all settings"
    assert cell().id == (before if grown is Tilted else other).id


def test_a_parameter_of_an_operator(monkeypatch):
    before, measured = cell(), lambda task: measure(task, Pictures(), ["im0"]).y_hashes
    monkeypatch.setitem(OPERATORS, "inpaint_random", turned)
    assert operator_settings("inpaint_random", {"angle": 0}) == {"p": 0.7} == cell().task.params
    assert cell(operator={"angle": 0}).id == cell().id == before.id
    assert measured(cell(operator={"angle": 0}).task) == measured(before.task)
    other = cell(operator={"angle": 30})
    assert other.id != before.id and other.task.params == {"p": 0.7, "angle": 30.0}
    assert measured(other.task) != measured(before.task)


def test_a_neutral_value_of_an_operator_is_its_default(monkeypatch):
    """Else a parameter that was left out would be made with another value."""

    def askew(shape, seeds, angle: Annotated[float, Neutral(0.0)] = 30.0):
        return InpaintRandom(shape, seeds)

    monkeypatch.setitem(OPERATORS, "inpaint_random", askew)
    with pytest.raises(SuiteError, match=r"angle is neutral at 0.0, so its default must be that"):
        cell()


class Pictures(FakeData):
    def image(self, image):
        return torch.zeros(self.shape)


def test_a_field_of_a_task(monkeypatch):
    """In the key of a cell, and in the identity of y."""
    before, hashes = cell(), []
    monkeypatch.setattr(plan, "Task", Poisson)
    assert cell().id == before.id
    for rate in (None, 2.0):
        monkeypatch.setattr(plan, "Task", partial(Poisson, rate=rate))
        made = cell()
        assert (made.id == before.id) == (rate is None) and made.config["task"].get("rate") == rate
        hashes += measure(made.task, Pictures(), ["im0"]).y_hashes
    assert hashes[0] == measure(before.task, Pictures(), ["im0"]).y_hashes[0] != hashes[1]


def test_what_is_neutral():
    for value, neutral, same in (
        (0, 0.0, True),
        (False, 0.0, False),
        (0, False, False),
        ((), (), True),
        (1e-9, 0.0, False),
    ):
        assert is_neutral("a", value, {"a": neutral}) is same
    assert not is_neutral("b", 0.0, {"a": 0.0})
    assert neutral_fields(DDRM) == {}
    tilted = {**neutral_fields(DPS), "tilt": 0}
    assert all(neutral_fields(cls) == tilted for cls in (Tilted, Written, Inherited))
    assert added(Tilted()) == {} and added(Tilted(tilt=1.0)) == {"tilt": 1.0}
    assert keyed(Tilted(tilt=1.0)).keys() - keyed(Tilted()).keys() == {"tilt"}


def test_records_from_before_a_field_are_at_its_neutral_value(monkeypatch):
    """What `verify` says of a row that it cannot make again names nothing that is no difference."""
    old = cell()
    fields = {
        "key": "",
        "cell": old.id,
        "suite": "s",
        "dataset": "d",
        "task": "t",
        "operator": "inpaint_random",
        "sigma": 0.2,
    }
    fields |= {
        "operator_params": {"p": 0.7},
        "solver": "dps",
        "label": "dps",
        "preset": None,
        "params": keyed(old.solver),
    }
    fields |= {
        "paper": "",
        "baseline": False,
        "prior": FakePrior.name,
        "weights_sha256": FakePrior.weights_sha256,
        "image": "a",
    }
    record = Record(**fields, sample=0, seed=0, y_hash=None, status="ok")
    monkeypatch.setattr("solvers.dps.DPS", Tilted)
    monkeypatch.setitem(OPERATORS, "inpaint_random", turned)
    says = difference(record, cell(), Options())
    assert says == "sigma is 0.1 now, 0.2 in the records"
    assert difference(replace(record, sigma=0.1), cell(), Options()) == CHANGED
    says = difference(replace(record, sigma=0.1), cell({"tilt": 0.5}, {"angle": 30}), Options())
    assert says == "angle is 30.0 now, None in the records; tilt is 0.5 now, 0.0 in the records"
