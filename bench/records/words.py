"""The words that journals, manifests and keys keep on disk, and the names that the package has for them.

What is stored is never rewritten: where the package has a better name today, the old word stays on disk. This
module is the only one that knows both.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

Words = Mapping[str, str]
"""Name in the package -> word on disk; names that are not listed are the same in both."""

RECORD: Words = {"samples_per_problem": "block"}
"""Fields of a `bench.records.record.Record`."""
SWITCHES: Words = {"deterministic": "reference mode"}
"""Values of a record's ``switches``."""
ROW: Words = {"skip_duplicates": "if_other"}
"""Fields of a row, in a manifest and in the suite that it keeps."""
SETS: Words = {"fid_stats": "reference"}
"""Fields of a manifest's entry about sets of images."""
SUITE: Words = {"samples_per_problem": "block", "fid_stats": "reference"}
"""Settings of a suite that a manifest keeps."""
TASK: Words = {"samples_per_problem": "block"}
"""Settings of a task of such a suite."""
OPTIONS: Words = {"deterministic": "reference"}
"""Options of a run that a manifest keeps."""
KEY: Words = {"samples_per_problem": "block"}
"""Entries of the configuration that a key is the hash of."""

METHODS_THEN = ("red_diff", "dps", "pigdm", "ddrm", "mcg", "ddnm", "diffpir", "daps")
ANCHORS_THEN = ("exact", "oracle", "tds", "prior")
"""The methods and the anchors, in order, of the versions whose manifests keep nothing from cards. These lists
do not grow."""


class KnownMethod(NamedTuple):
    """What manifests of today keep from a method's card; see `bench.records.manifest.RowEntry`."""

    kind: str
    order: int
    colour: int | None


def known_method(solver: str, baseline: bool) -> KnownMethod:
    """The kind, order and colour of a method whose manifest does not say.

    Args:
        baseline: whether its records say that it is one.
    """
    if solver in METHODS_THEN:
        place = METHODS_THEN.index(solver)
        return KnownMethod("method", place + 1, place)
    if solver in ANCHORS_THEN:
        place = ANCHORS_THEN.index(solver)
        return KnownMethod("anchor", place + 101, place)
    return KnownMethod("baseline", 0, None) if baseline else KnownMethod("method", 1000, None)


def to_disk(values: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """The same entries in the same order, by their words on disk."""
    return {words.get(name, name): value for name, value in values.items()}


def from_disk(values: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """The same entries in the same order, by their names in the package."""
    names = _names(words)
    return {names.get(word, word): value for word, value in values.items()}


def switches_to_disk(switches: Iterable[str]) -> list[str]:
    """A record's switches, as a journal spells them."""
    return [SWITCHES.get(name, name) for name in switches]


def switches_from_disk(switches: Iterable[str]) -> list[str]:
    """A record's switches, as the package spells them."""
    names = _names(SWITCHES)
    return [names.get(word, word) for word in switches]


def suite_to_disk(suite: Mapping[str, Any]) -> dict[str, Any]:
    """A suite as plain values, its tasks and rows included, by the words on disk."""
    return _convert_suite(suite, to_disk)


def suite_from_disk(suite: Mapping[str, Any]) -> dict[str, Any]:
    """A suite as plain values, its tasks and rows included, by the names in the package."""
    return _convert_suite(suite, from_disk)


def _convert_suite(
    suite: Mapping[str, Any], convert: Callable[[Mapping[str, Any], Words], dict[str, Any]]
) -> dict[str, Any]:
    converted = convert(suite, SUITE)
    for part, words in (("tasks", TASK), ("solvers", ROW)):
        if part in suite:
            converted[part] = [convert(row, words) for row in suite[part]]
    return converted


def _names(words: Words) -> dict[str, str]:
    return {word: name for name, word in words.items()}
