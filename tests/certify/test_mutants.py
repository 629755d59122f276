"""Deliberately wrong solvers: each differs from ours in one line, and every law that names it must see it."""

from dataclasses import dataclass

import pytest

from bench.certify.laws import all_laws, laws_of, measured, subject
from bench.certify.mutants import Survivor, survivors, unnamed, variant
from bench.exact.laws.law import Law
from bench.exact.laws.mutant import Mutant
from bench.system.code.user_code import UserCodeError

MUTANTS = {name: laws_of(name).mutants for name in all_laws()}
PAIRS = [(name, law, what) for name, laws in all_laws().items() for law in laws for what in law.catches]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "law", "what"), PAIRS, ids=[f"{name}: {law.name}: {what}" for name, law, what in PAIRS]
)
def test_a_law_sees_the_wrong_variants_that_it_names(name, law, what):
    (mutant,) = [mutant for mutant in MUTANTS[name] if mutant.name == what]
    result = measured(law, variant(subject(name), mutant))
    assert not result.passed and not result.raised


def test_every_law_names_a_variant_and_every_variant_is_named():
    """So that no tolerance is one that nothing violates, and no solver comes without mutants."""
    assert [law.name for laws in all_laws().values() for law in laws if not law.catches] == []
    listed = [(name, mutant.name) for name, mutants in MUTANTS.items() for mutant in mutants]
    assert {(name, what) for name, _, what in PAIRS} == set(listed)
    assert len(set(listed)) == len(listed)
    assert min(map(len, MUTANTS.values())) >= 2


def test_a_wrong_variant_is_ours_with_one_piece_replaced():
    ours = subject("prior")
    (late,) = [mutant for mutant in MUTANTS["prior"] if mutant.name == "all noise kept"]
    for mutant in (late, Mutant("another default", "steps: Steps = 100", "steps: Steps = 7")):
        wrong = variant(ours, mutant)
        assert wrong is not ours and wrong.__name__ == ours.__name__
    assert (wrong().steps, ours().steps) == (7, 100)
    for gone in (Mutant("m", "no such piece", ""), Mutant("m", "no such piece", "", helper="ddim")):
        with pytest.raises(UserCodeError, match="'no such piece' of mutant 'm' is not in "):
            variant(ours, gone)


def test_what_the_laws_do_not_see_survives():
    @dataclass
    class Steps:
        expected: int

        def __call__(self, cls):
            return abs(cls().steps - self.expected)

    seven = Mutant("seven", "steps: Steps = 100", "steps: Steps = 7")
    laws = [Law("default", 0, Steps(100), ("seven",)), Law("blind", 1000, Steps(100), ("seven",))]
    assert survivors(subject("prior"), laws, [seven]) == [Survivor(laws[1], "seven")]
    assert unnamed(laws, [seven, Mutant("eight", "7", "8")]) == ["eight"]
    with pytest.raises(
        UserCodeError, match="law 'default' names the mutant 'seven', which is not in MUTANTS"
    ):
        survivors(subject("prior"), laws, [])


def test_a_law_that_raises_on_a_wrong_variant_has_not_seen_it():
    def only_of_100(cls):
        if cls().steps != 100:
            raise KeyError("gone")
        return 0

    law = Law("only of 100", 0, only_of_100, ("seven",))
    (found,) = survivors(subject("prior"), [law], [Mutant("seven", "steps: Steps = 100", "steps: Steps = 7")])
    line = only_of_100.__code__.co_firstlineno + 2
    assert str(found) == (
        "'only of 100' raised on the wrong variant 'seven', which must run to be seen: "
        f"KeyError: 'gone' (test_mutants.py:{line})"
    )
    assert str(found._replace(raised="")) == "'only of 100' holds for the wrong variant 'seven'"
