"""Presets: the settings of a solver for a prior and a task, in the card beside the solver.

    bench:                          # preset
      fashion32:                    # prior, a pattern
        "*": {steps: 100}           # task, a pattern on its name or its operator
        "sr_*": {zeta: 2}           # later patterns override earlier ones

Patterns are those of file names (``*``, ``?``, ``[ab]``). Presets are resolved before keys are made, so
renaming one invalidates nothing and editing one recomputes exactly what it changed.
"""

from fnmatch import fnmatchcase
from typing import Any

from bench.names import nearest
from bench.suites.cards import card_of
from bench.suites.yamlfile import SuiteError

DEFAULT = "bench"
"""What a row without a preset uses where it exists."""


def resolve(
    solver: str, preset: str | None, prior: str, task: str, operator: str
) -> tuple[str | None, dict[str, Any]]:
    """The preset's name and its parameters for one prior and task.

    Without ``preset`` it is "bench" where the solver has that for the prior, else None with no parameters.

    Args:
        solver: what a suite calls it: a name, ``file.py``, ``file.py:Class`` or ``pkg.mod:Class``.

    Raises:
        SuiteError: the preset does not exist, or not for this prior or task: settings tuned on one are not
            passed off as settings for another, and defaults not as a paper's.
    """
    presets = card_of(solver).presets
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
