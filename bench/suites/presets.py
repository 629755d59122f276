"""Presets: the settings of a solver for a prior and a task, in a YAML file beside the solver in ``solvers/``.

    bench:                          # preset
      fashion32:                    # prior, a pattern
        "*": {steps: 100}           # task, a pattern on its name or its operator
        "sr_*": {zeta: 2}           # later patterns override earlier ones

Patterns are those of file names (``*``, ``?``, ``[ab]``). Presets are resolved before keys are made, so
renaming one invalidates nothing and editing one recomputes exactly what it changed.
"""

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from bench.names import nearest
from bench.suites.yamlfile import Source, SuiteError

FOLDER = Path(__file__).resolve().parents[2] / "solvers"
DEFAULT = "bench"
"""What a row without a preset uses where it exists."""

Presets = dict[str, dict[str, dict[str, dict[str, Any]]]]


@cache
def load_presets(solver: str) -> Presets:
    """Preset -> prior pattern -> task pattern -> parameters; {} for a solver without a file.

    Raises:
        SuiteError: the file is not of that form.
    """
    path = FOLDER / f"{solver}.yaml"
    if Path(solver).name != solver or not path.is_file():
        return {}
    source = Source(path)
    for preset, priors in source.data.items():
        _check_preset(source, preset, priors)
    return source.data


def _check_preset(source: Source, preset: str, priors: Any) -> None:
    """Refuses a preset that is not prior -> task pattern -> parameters."""
    form = "expected preset -> prior -> task pattern -> parameters"
    if not isinstance(priors, dict):
        raise SuiteError(f"{source.at((preset,))}: {form}")
    for prior, tasks in priors.items():
        if not isinstance(tasks, dict) or not all(isinstance(params, dict) for params in tasks.values()):
            raise SuiteError(f"{source.at((preset, prior) if prior else (preset,))}: {form}")


def resolve(
    solver: str, preset: str | None, prior: str, task: str, operator: str
) -> tuple[str | None, dict[str, Any]]:
    """The preset's name and its parameters for one prior and task.

    Without ``preset`` it is "bench" where the solver has that for the prior, else None with no parameters.

    Raises:
        SuiteError: the preset does not exist, or not for this prior or task: settings tuned on one are not
            passed off as settings for another, and defaults not as a paper's.
    """
    presets = load_presets(solver)
    if preset is not None and preset not in presets:
        raise SuiteError(f"{solver} has no preset '{preset}'{nearest(preset, presets)}")
    priors = presets.get(preset or DEFAULT, {})
    matching = [tasks for pattern, tasks in priors.items() if fnmatchcase(prior, pattern)]
    params: dict[str, Any] = {}
    found = False
    for tasks in matching:
        for pattern, values in tasks.items():
            if fnmatchcase(task, pattern) or fnmatchcase(operator, pattern):
                params |= values
                found = True
    if found:
        return preset or DEFAULT, params
    if preset is None:
        return None, {}
    if not matching:
        raise SuiteError(
            f"preset '{preset}' of {solver} has no settings for prior '{prior}'; "
            f"it has some for: {', '.join(priors)}; choose other rows by --solver"
        )
    patterns = dict.fromkeys(pattern for tasks in matching for pattern in tasks)
    raise SuiteError(
        f"preset '{preset}' of {solver} has no settings for task '{task}' with prior '{prior}'; "
        f"it has some for: {', '.join(patterns)}"
    )
