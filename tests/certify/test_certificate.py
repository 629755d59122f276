"""What `certify` says of a solver: its laws, its equations, and how its presets deviate from them."""

from dataclasses import dataclass, replace

import pytest

from bench.certify.certificate import (
    WRITTEN,
    Deviation,
    certificate,
    described,
    deviations,
    equations,
)
from bench.certify.certificates import read_certificates
from bench.certify.laws import run_laws
from bench.exact.laws.law import LawResult
from bench.suites.cards import card_of
from solvers.dps import DPS
from tests.commands import bench
from tests.ours import METHODS, SOLVERS


@pytest.mark.long
def test_a_broken_law_gives_no_certificate():
    results, committed = run_laws("ddrm"), read_certificates()["ddrm"]
    # How near the float32 law is to its tolerance depends on the processor's rounding.
    given = certificate(SOLVERS["ddrm"], results)
    assert given.worst <= 1 and replace(given, worst=committed.worst, earlier=committed.earlier) == committed
    broken = [*results[1:], LawResult(results[0].law, 2 * results[0].law.tolerance)]
    assert certificate(SOLVERS["ddrm"], broken) is None


def test_differences_from_the_reference_code_are_named():
    for name, cls in METHODS.items():
        assert any(where in equations(cls) for where in ("arXiv", "openreview", "PMLR"))
        for deviation in deviations(name, cls):
            if deviation.preset == "official":
                assert card_of(name).differences, f"{name}: its card names no differences"
            elif deviation.preset.startswith("bench"):
                unexplained = deviation.choices.keys() - WRITTEN.keys() - card_of(name).search.keys()
                assert not unexplained, f"{name}: {deviation.preset} makes a choice that nothing explains"


def test_deviations_are_from_the_equations_and_not_from_the_defaults():
    """No equation has a clip; most defaults do, since networks need it."""
    choices = {
        name: {d.preset: d.choices for d in deviations(name, METHODS[name])}
        for name in ("pigdm", "dps", "ddrm")
    }
    assert choices["pigdm"]["paper"] == {"clip": True} and choices["pigdm"]["exact"] == {}
    assert choices["dps"]["bench"] == {"clip": True, "learned_variance": True}
    assert not choices["ddrm"]["official"]


def test_certify_prints_laws_equations_and_deviations():
    result = bench("certify", "mcg")
    assert result.exit_code == 0, result.output
    for part in (
        "certified at revision",
        "arXiv 2206.00941",
        "A x = y in the end",
        "    official: clip = True",
        "differences from other code:",
    ):
        assert part in result.output


@dataclass(frozen=True)
class Mine(DPS):
    """My method (arXiv 0000.00000,
    eq. 1):

    It is short.
    """


def test_equations_stand_in_the_docstring():
    assert equations(Mine) == "My method (arXiv 0000.00000, eq. 1)"


def test_a_deviation_in_words():
    both = Deviation("official", {"clip": True, "spacing": "quad"})
    assert described(both) == "clip = True, spacing = quad"
    assert described(Deviation("bench", {})) == "no deviation, only numbers are set"
