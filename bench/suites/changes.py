"""A suite as changed from the command line: other rows, tasks, operators and numbers of images."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.names import matches, nearest, selected
from bench.suites.flags import Setting, selecting, split_flags
from bench.suites.suite import SolverRow, Suite, default_label, repeated_labels
from bench.suites.yamlfile import SuiteError
from bench.system.user_code import is_user_code


def override(
    suite: Suite,
    solvers: Sequence[str] = (),
    tasks: Sequence[str] = (),
    known: Sequence[str] = (),
    **fields: Any,
) -> Suite:
    """The suite as changed from the command line.

    Args:
        solvers: ``NAME`` keeps the rows with this label or solver (or adds a row for a solver that the suite
            lacks, also ``pkg.mod:Class`` and ``file.py:Class``); ``NAME.param=value`` sets a parameter of
            those rows, and selects them if no plain NAME does; ``NAME.param=0.1,0.3`` makes a row of each.
            Changed rows say so in their label.
        tasks: names of the tasks to keep, or patterns; behind "!" of those to leave out.
        known: names of the solvers there are.
        fields: ``prior``, ``dataset``, ``images``, ``samples``, ``seed``: replace the suite's where not None.
            ``images`` holds for every row.

    Raises:
        SuiteError: an unknown name, or two rows of one label.
    """
    update: dict[str, Any] = {k: v for k, v in fields.items() if v is not None}
    names = [task.name for task in suite.tasks]
    for pattern in tasks:
        if not any(matches(name, pattern) for name in names):
            raise SuiteError(f"--task {pattern}: unknown task{nearest(pattern, names)}")
    update["tasks"] = kept = tuple(task for task in suite.tasks if selected(task.name, tasks))
    if not kept:
        raise SuiteError(f"--task {' --task '.join(tasks)}: no task is left")
    rows = _select(list(suite.solvers), solvers, known) if solvers else suite.solvers
    if "images" in update:
        rows = [row.model_copy(update={"images": None}) for row in rows]
        update["tasks"] = tuple(task.model_copy(update={"images": None}) for task in kept)
    for i in repeated_labels(rows):
        raise SuiteError(
            f"{rows[i].where()}: two rows are labelled '{rows[i].label}'; give them labels in a suite file"
        )
    return suite.model_copy(update={**update, "solvers": tuple(rows)})


def with_operator(suite: Suite, operator: str, name: str) -> Suite:
    """The suite with one task, of this operator at the noise level of its first task, for all of its rows."""
    first = suite.tasks[0]
    changes = {"name": name, "operator": operator, "params": {}, "title": None}
    task = first.model_copy(update=changes).placed({"": f"--operator {operator}"})
    return suite.model_copy(
        update={
            "tasks": (task,),
            "solvers": tuple(row.model_copy(update={"tasks": None}) for row in suite.solvers),
        }
    )


def at_most(suite: Suite, images: int) -> Suite:
    """The suite with no more images than there are."""
    rows = [
        row.model_copy(update={"images": row.images and min(row.images, images)}) for row in suite.solvers
    ]
    return suite.model_copy(update={"images": min(suite.images, images), "solvers": tuple(rows)})


def _is_called(name: str, row: SolverRow) -> bool:
    return name in {row.label, row.solver}


def _select(rows: list[SolverRow], flags: Sequence[str], known: Sequence[str]) -> list[SolverRow]:
    plain, settings = split_flags(flags)
    for name in [*plain, *(s.name for s in settings)]:
        if not any(_is_called(name, row) for row in rows):
            rows.append(_new_row(name, rows, known))
    chosen = selecting(rows, flags, _is_called)
    kept = [row for row in rows if any(_is_called(name, row) for name in chosen)]
    return [new for row in kept for new in _changed(row, [s for s in settings if _is_called(s.name, row)])]


def _names(rows: Sequence[SolverRow]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in (row.label, row.solver)))


def _new_row(name: str, rows: Sequence[SolverRow], known: Sequence[str]) -> SolverRow:
    if not is_user_code(name) and name not in known:
        names = list(dict.fromkeys([*_names(rows), *known]))
        raise SuiteError(f"unknown solver '{name}'{nearest(name, names)}, or pkg.mod:Class, or file.py:Class")
    label = default_label(name)
    if any(row.label == label for row in rows):
        label = Path(name).name.replace(".py", "")
    return SolverRow(solver=name, label=label).placed({"": f"--solver {name}"})


def _changed(row: SolverRow, settings: Sequence[Setting]) -> Iterator[SolverRow]:
    """The row with every combination of the settings' values."""
    last = {s.param: s for s in settings}
    for choice in itertools.product(*(s.choices for s in last.values())):
        params = dict(zip(last, choice, strict=True))
        label = row.label + (f"[{','.join(f'{k}={v}' for k, v in params.items())}]" if params else "")
        changed = row.model_copy(update={"params": {**row.params, **params}, "label": label})
        yield changed.placed({param: s.flag for param, s in last.items()})
