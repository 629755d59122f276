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
    quirks,
)
from bench.certify.certificates import read_certificates
from bench.certify.laws import run_laws
from bench.exact.laws.law import LawResult
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


def test_every_quirk_of_official_is_named():
    for name, cls in METHODS.items():
        assert any(where in equations(cls) for where in ("arXiv", "openreview", "PMLR"))
        for deviation in deviations(name, cls):
            if deviation.preset == "official":
                assert deviation.quirks, f"{name}: the docstring has no paragraph 'Preset ``official``: ...'"
            elif deviation.preset.startswith("bench"):
                assert set(deviation.choices) <= set(WRITTEN), (
                    f"{name}: {deviation.preset} makes a choice that nothing explains"
                )


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
    ):
        assert part in result.output


@dataclass(frozen=True)
class Mine(DPS):
    """My method (arXiv 0000.00000,
    eq. 1):

    It is short.

    Preset ``official``: with
    its quirk.
    """


def test_equations_and_quirks_stand_in_the_docstring():
    assert equations(Mine) == "My method (arXiv 0000.00000, eq. 1)"
    assert quirks(Mine, "official") == "with its quirk." and quirks(Mine, "bench") == ""


def test_a_deviation_in_words():
    both = Deviation("official", "with its quirk.", {"clip": True, "spacing": "quad"})
    assert described(both) == "clip = True, spacing = quad; with its quirk."
    assert described(Deviation("bench", "", {})) == "no deviation, only numbers are set"
