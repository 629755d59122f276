"""What `certify` says of a solver: the equations it follows, its laws, how its presets differ."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from bench.certify.certificates import UNCERTIFIED, Certificate
from bench.certify.code import code_sha256
from bench.exact.laws.law import LawResult
from bench.solver import Solver
from bench.suites.cards import card_of
from bench.suites.methods import SolverClass

WRITTEN = {"clip": False, "learned_variance": False}
"""The values that the equations have for settings whose defaults differ: the defaults are those that images
need."""


def certificate(solver: type[Solver], results: list[LawResult]) -> Certificate | None:
    """The certificate of a solver of which these are all laws; None where one is broken."""
    if not all(result.passed for result in results):
        return None
    worst = max(result.error / result.law.tolerance for result in results)
    return Certificate(code_sha256(solver), solver.rev, len(results), float(f"{worst:.1g}"))


def equations(solver: type[Solver]) -> str:
    """The first paragraph of its docstring: the method, the paper and the equations or algorithm in it."""
    first = (inspect.getdoc(solver) or "").split("\n\n")[0]
    return " ".join(first.split()).rstrip(".:")


@dataclass(frozen=True)
class Deviation:
    """How a preset deviates from the equations.

    Attributes:
        choices: the settings, other than numbers, whose values are not those of the equations.
    """

    preset: str
    choices: Mapping[str, object]


def deviations(name: str, solver: type[Solver]) -> list[Deviation]:
    """Every preset of a solver, which its card holds.

    Args:
        name: what a suite calls it, ours or a user's.
    """
    defaults = {field.name: field.default for field in fields(solver)}
    written = {name: WRITTEN.get(name, default) for name, default in defaults.items()}
    found = []
    for preset, priors in card_of(name).presets.items():
        settings = defaults | all_settings(priors)
        choices = {}
        for field, value in settings.items():
            if isinstance(value, (bool, str)) and value != written.get(field):
                choices[field] = value
        found.append(Deviation(preset, choices))
    return found


def all_settings(priors: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The settings of a preset for any prior and task; the last value of each."""
    settings: dict[str, Any] = {}
    for tasks in priors.values():
        for params in tasks.values():
            settings |= params
    return settings


def describe(spec: str, found: SolverClass, results: list[LawResult], missed: int = 0) -> list[str]:
    """Lines of text about a solver and its measured laws.

    Args:
        spec: what a suite calls it, ours or a user's.
        missed: wrong variants that its laws do not see.
    """
    solver = found.cls
    lines = [
        f"{found.name}: {state(found, results, missed)}",
        f"  equations: {equations(solver)}",
        "  laws (measured error <= largest allowed):",
    ]
    lines += [f"    {outcome(found.name, result)}" for result in results]
    lines.append(f"  not certified: {UNCERTIFIED}")
    presets = deviations(spec, solver)
    if presets:
        lines.append("  presets, compared with the equations:")
    lines += [f"    {deviation.preset}: {described(deviation)}" for deviation in presets]
    differences = card_of(spec).differences
    if differences:
        lines.append("  differences from other code:")
    return [*lines, *map("    {}".format, differences)]


def outcome(name: str, result: LawResult) -> str:
    """What became of a law of a solver, in a line."""
    if result.raised:
        return f"FAIL  '{result.law.name}' raised on {name}: {result.raised}"
    word = "PASS" if result.passed else "FAIL"
    return f"{word}  {result.error:5.0e} <= {result.law.tolerance:.0e}  {result.law.name}"


def state(found: SolverClass, results: list[LawResult], missed: int = 0) -> str:
    """Whether the laws hold, whose they are, and for which code."""
    if found.source_sha256:
        holds = "laws hold but miss wrong variants" if missed else "laws hold"
        says = holds if all(result.passed for result in results) else "laws FAIL"
        return f"{says}, by its author, code {found.source_sha256[:12]}"
    given = certificate(found.cls, results)
    says = f"certified at revision {given.rev}" if given else "NOT certified"
    return f"{says}, code {code_sha256(found.cls)[:12]}"


def described(deviation: Deviation) -> str:
    """A deviation in words."""
    choices = ", ".join(f"{k} = {v}" for k, v in deviation.choices.items())
    return choices or "no deviation, only numbers are set"
