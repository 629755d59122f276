"""Changes of a suite by the command line: other rows, tasks, operators and numbers of images."""

import itertools
import math
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from bench.names import matches, nearest, selected
from bench.suites.flags import Setting, split_flags, values_of
from bench.suites.suite import SolverRow, Suite, TaskRow, default_label, repeated_labels
from bench.suites.yamlfile import SuiteError
from bench.system.code.user_code import is_user_code

Row = TypeVar("Row", SolverRow, TaskRow)
MOST_COPIES = 1000
"""Changed copies of a row that the command line may ask for."""
WILD = "*?["
"""One of these is in every pattern."""


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
            settings. Patterns select rows of the suite, as "dps-*"; what begins with "!" leaves rows out.
        tasks: names of the tasks to keep, or patterns; behind "!" of those to leave out.
        known: names of the solvers there are.
        fields: ``prior``, ``dataset``, ``images``, ``samples``, ``seed``: replace the suite's where not None.
            ``images`` and ``samples`` hold for every row.

    Raises:
        SuiteError: an unknown name, no row or task is left, too many copies, or two rows of one label.
    """
    update = {name: value for name, value in fields.items() if value is not None}
    kept = _select_tasks(suite, tasks)
    rows: Sequence[SolverRow] = suite.solvers
    if solvers:
        rows = _select_rows(list(suite.solvers), solvers, known)
    if not rows:
        raise SuiteError(f"--solver {' --solver '.join(solvers)}: no row is left")
    if "images" in update:
        rows, kept = _without(rows, "images"), _without(kept, "images")
    if "samples" in update:
        rows = _without(rows, "samples")
    for i in repeated_labels(rows, [task.name for task in kept]):
        same = f"two rows of one task are labelled '{rows[i].label}'"
        raise SuiteError(f"{rows[i].where()}: {same}; give them labels in a suite file")
    return suite.model_copy(update={**update, "tasks": tuple(kept), "solvers": tuple(rows)})


def with_operator(suite: Suite, operator: str, name: str) -> Suite:
    """The suite with one task, of this operator at the noise level of its first task, for all of its rows."""
    changes: dict[str, Any] = {"name": name, "operator": operator, "params": {}, "title": None}
    changes |= {"told": {}, "draws_of": None}
    task = suite.tasks[0].model_copy(update=changes).placed({"": f"--operator {operator}"})
    return suite.model_copy(update={"tasks": (task,), "solvers": tuple(_without(suite.solvers, "tasks"))})


def at_most(suite: Suite, images: int) -> Suite:
    """The suite with no more images than this."""
    rows = []
    for row in suite.solvers:
        fewer = None if row.images is None else min(row.images, images)
        rows.append(row.model_copy(update={"images": fewer}))
    return suite.model_copy(update={"images": min(suite.images, images), "solvers": tuple(rows)})


def _without(rows: Sequence[Row], field: str) -> list[Row]:
    """The rows without a field of their own, so that the suite's holds."""
    return [row.model_copy(update={field: None}) for row in rows]


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
    plain, settings = split_flags([flag for flag in flags if not flag.startswith("!")])
    for name in [*plain, *(setting.name for setting in settings)]:
        if not _meant(name, rows):
            rows.append(_new_row(name, rows, known))
    selected_rows = set[int]().union(*(_meant(name, rows) for name in plain))
    left_out = _left_out(flags, rows)
    found: list[SolverRow] = []
    for i, row in enumerate(rows):
        if i in left_out:
            continue
        if i in selected_rows or not (plain or settings):
            found.append(row)
        if own := [setting for setting in settings if i in _meant(setting.name, rows)]:
            found += _changed(row, own, i in selected_rows)
    return found


def _left_out(flags: Sequence[str], rows: Sequence[SolverRow]) -> set[int]:
    """The places of the rows that flags such as "!dps" mean."""
    found: set[int] = set()
    for flag in flags:
        if flag.startswith("!"):
            if "=" in flag:
                raise SuiteError(f"--solver {flag}: expected !NAME; to leave out a setting, do not name it")
            places = _meant(flag[1:], rows)
            if not places:
                raise SuiteError(f"--solver {flag}: no row of it{nearest(flag[1:], _labels(rows))}")
            found |= places
    return found


def _meant(name: str, rows: Sequence[SolverRow]) -> set[int]:
    """The places of the rows that a name on the command line means, or a pattern that is no row's name."""
    exact = {i for i, row in enumerate(rows) if name in (row.label, row.solver)}
    if exact or is_user_code(name):
        return exact
    return {i for i, row in enumerate(rows) if fnmatchcase(row.label, name) or fnmatchcase(row.solver, name)}


def _labels(rows: Sequence[SolverRow]) -> list[str]:
    """All names that mean rows, once each."""
    names: dict[str, None] = {}
    for row in rows:
        names |= {row.label: None, row.solver: None}
    return list(names)


def _new_row(name: str, rows: Sequence[SolverRow], known: Sequence[str]) -> SolverRow:
    """A row for a solver that no row has."""
    if set(WILD) & set(name) and not is_user_code(name):
        raise SuiteError(f"--solver {name}: no row of it{nearest(name, _labels(rows))}")
    if "*" in name or (not is_user_code(name) and name not in known):
        choices = nearest(name, list(dict.fromkeys([*_labels(rows), *known])))
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
