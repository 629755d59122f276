"""A certificate is carried over only where all that a solver yields on its laws has equal bits."""

import importlib.util
from dataclasses import dataclass

import pytest

from bench.certify.certificates import Certificate
from bench.certify.laws import all_laws
from bench.solver import Step
from solvers.ddrm import DDRM
from tests import ROOT

TOOLS = ROOT / "tools"


def load(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


law_bits, carry = load("law_bits"), load("carry_certificates")


@dataclass(frozen=True)
class Written(DDRM):
    """The same numbers."""

    def solve(self, measurement, prior, noise):
        for x, x0, _ in super().solve(measurement, prior, noise):
            yield Step(x=1.0 * x, x0=x0)


@dataclass(frozen=True)
class Rounded(DDRM):
    """Half a unit of the last place away, here and there."""

    def solve(self, measurement, prior, noise):
        for x, x0, _ in super().solve(measurement, prior, noise):
            yield Step(3 * x / 3, x0)


@dataclass(frozen=True)
class RoundedEstimate(DDRM):
    def solve(self, measurement, prior, noise):
        for x, x0, _ in super().solve(measurement, prior, noise):
            yield Step(x, 3 * x0 / 3)


@pytest.mark.long
def test_the_bits_of_a_law():
    """They are the bits of every state and estimate, on any law in float64."""
    law = next(law for law in all_laws()["ddrm"] if law.name == "law of every state")
    bits = law_bits.law_bits(DDRM, law)
    assert bits == law_bits.law_bits(DDRM, law) == law_bits.law_bits(Written, law)
    assert len({bits, *(law_bits.law_bits(other, law) for other in (Rounded, RoundedEstimate))}) == 3


def test_the_probe_finds_what_it_needs():
    assert set(law_bits.PLACES) == {"all_laws", "LAWS", "subject", "code_sha256"}
    assert law_bits.laws_by_solver() is all_laws() and law_bits.find("subject")("ddrm") is DDRM
    with pytest.raises(KeyError):
        law_bits.find("nothing")


OLD = {"code_sha256": "1" * 64, "rev": 1, "laws": 2, "worst": 0.1, "earlier": ["0" * 64]}
NEW = Certificate("2" * 64, 1, 2, 0.1)
THERE = {"code": "1" * 64, "laws": {"a": "x", "b": "y"}}
HERE = THERE | {"code": "2" * 64}


@pytest.mark.parametrize(
    ("old", "new", "there", "here", "says"),
    [
        (OLD, NEW, THERE, HERE, None),
        (OLD, NEW, THERE, HERE | {"laws": {"a": "x", "b": "z"}}, "other bits in b"),
        (OLD, NEW, THERE, HERE | {"laws": {"a": "x", "b": "y", "c": "z"}}, "other bits in c"),
        (OLD, NEW, THERE, HERE | {"laws": {"a": "x"}}, "other bits in b"),
        (OLD, NEW, THERE, HERE | {"code": "3" * 64}, "today's certificate is of other code: run"),
        (OLD, NEW, THERE | {"code": "3" * 64}, HERE, "the commit itself had changed the code"),
        (OLD, None, THERE, HERE, "it has no certificate today"),
    ],
)
def test_it_is_carried_over_only_where_all_bits_are_equal(old, new, there, here, says):
    reason = carry.objection(old, new, there, here)
    assert reason is None if says is None else reason.startswith(says)


def test_what_was_carried_before_is_carried_on():
    assert carry.carried(OLD, NEW).earlier == ("0" * 64, "1" * 64)
    assert carry.carried(OLD | {"code_sha256": NEW.code_sha256}, NEW).earlier == ("0" * 64,)
    assert carry.carried({"code_sha256": "1" * 64}, NEW).earlier == ("1" * 64,), "of before `earlier`"
