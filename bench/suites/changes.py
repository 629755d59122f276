"""Changes of a suite by the command line: other rows, tasks, operators and numbers of images."""

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.names import matches, nearest, selected
from bench.suites.flags import Setting, split_flags, values_of
from bench.suites.suite import SolverRow, Suite, TaskRow, default_label, repeated_labels
from bench.suites.yamlfile import SuiteError
from bench.system.code.user_code import is_user_code

MOST_COPIES = 1000
"""Changed copies of a row that the command line may ask for."""


def override(
    suite: Suite,
    solvers: Sequence[str] = (),
    tasks: Sequence[str] = (),
    known: Sequence[str] = (),
    **fields: Any,
) -> Suite:
    """The suite as changed from the command line.

    Args:
        solvers: ``NAME`` selects the rows with this label or solver as they are, and adds a row for a solver
            that the suite lacks (also ``pkg.mod:Class`` and ``file.py:Class``). ``NAME.param=value`` selects
            a changed copy of each of these rows: one for every value (``dps.zeta=0.3,1``, or the option
            repeated), and for every combination of the values of several parameters. The label of a copy
            says what is changed. A copy is left out of tasks in which its selected original has the same
            settings.
        tasks: names of the tasks to keep, or patterns; behind "!" of those to leave out.
        known: names of the solvers there are.
        fields: ``prior``, ``dataset``, ``images``, ``samples``, ``seed``: replace the suite's where not None.
            ``images`` and ``samples`` hold for every row.

    Raises:
        SuiteError: an unknown name, or two rows of one label.
    """
    update = {name: value for name, value in fields.items() if value is not None}
    kept = _select_tasks(suite, tasks)
    rows: Sequence[SolverRow] = suite.solvers
    if solvers:
        rows = _select_rows(list(suite.solvers), solvers, known)
    if "images" in update:
        rows = [row.model_copy(update={"images": None}) for row in rows]
        kept = [task.model_copy(update={"images": None}) for task in kept]
    if "samples" in update:
        rows = [row.model_copy(update={"samples": None}) for row in rows]
    for i in repeated_labels(rows, [task.name for task in kept]):
        same = f"two rows of one task are labelled '{rows[i].label}'"
        raise SuiteError(f"{rows[i].where()}: {same}; give them labels in a suite file")
    return suite.model_copy(update={**update, "tasks": tuple(kept), "solvers": tuple(rows)})


def with_operator(suite: Suite, operator: str, name: str) -> Suite:
    """The suite with one task, of this operator at the noise level of its first task, for all of its rows."""
    changes: dict[str, Any] = {"name": name, "operator": operator, "params": {}, "title": None}
    changes |= {"told": {}, "draws_of": None}
    task = suite.tasks[0].model_copy(update=changes).placed({"": f"--operator {operator}"})
    rows = [row.model_copy(update={"tasks": None}) for row in suite.solvers]
    return suite.model_copy(update={"tasks": (task,), "solvers": tuple(rows)})


def at_most(suite: Suite, images: int) -> Suite:
    """The suite with no more images than this."""
    rows = []
    for row in suite.solvers:
        fewer = None if row.images is None else min(row.images, images)
        rows.append(row.model_copy(update={"images": fewer}))
    return suite.model_copy(update={"images": min(suite.images, images), "solvers": tuple(rows)})


def _select_tasks(suite: Suite, patterns: Sequence[str]) -> list[TaskRow]:
    """The tasks that patterns select, in the suite's order; all tasks without any pattern."""
    names = [task.name for task in suite.tasks]
    for pattern in patterns:
        if not any(matches(name, pattern) for name in names):
            raise SuiteError(f"--task {pattern}: unknown task{nearest(pattern, names)}")
    kept = [task for task in suite.tasks if selected(task.name, patterns)]
    if not kept:
        raise SuiteError(f"--task {' --task '.join(patterns)}: no task is left")
    return kept


def _select_rows(rows: list[SolverRow], flags: Sequence[str], known: Sequence[str]) -> list[SolverRow]:
    """The rows that flags select and their changed copies, in the suite's order; new solvers come last."""
    plain, settings = split_flags(flags)
    for name in [*plain, *(setting.name for setting in settings)]:
        if not any(_is_called(name, row) for row in rows):
            rows.append(_new_row(name, rows, known))
    found: list[SolverRow] = []
    for row in rows:
        is_selected = any(_is_called(name, row) for name in plain)
        if is_selected:
            found.append(row)
        if own := [setting for setting in settings if _is_called(setting.name, row)]:
            found += _changed(row, own, is_selected)
    return found


def _is_called(name: str, row: SolverRow) -> bool:
    """Whether a name on the command line means a row."""
    return name in {row.label, row.solver}


def _new_row(name: str, rows: Sequence[SolverRow], known: Sequence[str]) -> SolverRow:
    """A row for a solver that no row has."""
    if not is_user_code(name) and name not in known:
        names: dict[str, None] = {}
        for row in rows:
            names |= {row.label: None, row.solver: None}
        choices = nearest(name, list(names | dict.fromkeys(known)))
        raise SuiteError(f"unknown solver '{name}'{choices}, or pkg.mod:Class, or file.py:Class")
    label = default_label(name)
    if any(row.label == label for row in rows):
        label = Path(name).name.replace(".py", "")
    return SolverRow(solver=name, label=label).placed({"": f"--solver {name}"})


def _changed(row: SolverRow, settings: Sequence[Setting], beside: bool) -> Iterator[SolverRow]:
    """Copies of a row, one for every combination of the settings' values.

    Args:
        beside: whether the row itself is selected too.
    """
    values = values_of(settings)
    if (n := math.prod(map(len, values.values()))) > MOST_COPIES:
        raise SuiteError(
            f"--solver asks for {n} changed copies of row '{row.label}'; the most are {MOST_COPIES}"
        )
    places = {setting.param: setting.flag for setting in settings}
    for combination in itertools.product(*values.values()):
        params = dict(zip(values, combination, strict=True))
        changes = ",".join(f"{param}={value}" for param, value in params.items())
        update = {
            "params": {**row.params, **params},
            "label": f"{row.label}[{changes}]",
            "skip_duplicates": row.skip_duplicates or beside,
        }
        yield row.model_copy(update=update).placed(places)
