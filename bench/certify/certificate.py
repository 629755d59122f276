"""What `python -m bench certify` says of a solver: the laws it keeps, the equations it follows, how its
presets deviate.
"""

import inspect
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from bench.certify.certificates import UNCERTIFIED, Certificate
from bench.certify.code import code_sha256
from bench.exact.laws.law import LawResult
from bench.solver import Solver

PRESETS = Path(__file__).parents[2] / "solvers"
WRITTEN = {"clip": False, "learned_variance": False}
"""What the equations have of settings whose default is another: the defaults are those that images need."""


def certificate(solver: type[Solver], results: list[LawResult]) -> Certificate | None:
    """The certificate of a solver of which these are all laws; None where one is broken."""
    if not all(result.passed for result in results):
        return None
    worst = max(result.error / result.law.tolerance for result in results)
    return Certificate(code_sha256(solver), solver.rev, len(results), float(f"{worst:.1g}"))


def equations(solver: type[Solver]) -> str:
    """The first paragraph of its docstring: the method, the paper and the equations or algorithm in it."""
    return " ".join(inspect.getdoc(solver).split("\n\n")[0].split()).rstrip(".:")


@dataclass(frozen=True)
class Deviation:
    """A preset: the quirks that the docstring names, and the choices (not numbers) that differ from the
    equations.
    """

    preset: str
    quirks: str
    choices: dict[str, object]


def quirks(solver: type[Solver], preset: str) -> str:
    """What the paragraph of the docstring about a preset says; "" where there is none."""
    heading = f"Preset ``{preset}``: "
    paragraphs = [" ".join(text.split()) for text in inspect.getdoc(solver).split("\n\n")]
    return next((text.removeprefix(heading) for text in paragraphs if text.startswith(heading)), "")


def deviations(name: str, solver: type[Solver]) -> list[Deviation]:
    """Every preset of a solver."""
    path = PRESETS / f"{name}.yaml"
    presets = yaml.safe_load(path.read_text()).get("presets", {}) if path.exists() else {}
    defaults = {field.name: field.default for field in fields(solver)}
    written = {name: WRITTEN.get(name, default) for name, default in defaults.items()}
    found = []
    for preset, priors in presets.items():
        settings = [
            setting for tasks in priors.values() for params in tasks.values() for setting in params.items()
        ]
        made = defaults | dict(settings)
        choices = {k: v for k, v in made.items() if isinstance(v, (bool, str)) and v != written.get(k)}
        found.append(Deviation(preset, quirks(solver, preset), choices))
    return found


def describe(name: str, solver: type[Solver], results: list[LawResult]) -> list[str]:
    """Lines of text."""
    given = certificate(solver, results)
    state = f"certified at revision {given.rev}" if given else "NOT certified"
    lines = [f"{name}: {state}, code {code_sha256(solver)[:12]}", f"  follows {equations(solver)}"]
    for result in results:
        verdict = "holds " if result.passed else "BROKEN"
        lines.append(f"  {verdict} {result.error:7.0e} <= {result.law.tolerance:.0e}  {result.law.name}")
    lines.append(f"  not certified: {UNCERTIFIED}")
    for deviation in deviations(name, solver):
        choices = ", ".join(f"{k} {v}" for k, v in deviation.choices.items())
        what = "; ".join(filter(None, (f"chooses {choices}" if choices else "", deviation.quirks)))
        lines.append(
            f"  preset {deviation.preset}: {what or 'numbers only, no deviation from the equations'}"
        )
    return lines
