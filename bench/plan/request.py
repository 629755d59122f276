"""What a run was asked for, in the form that its manifest keeps, and back again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.data import names_folder
from bench.names import first_line
from bench.plan.options import KEPT, Options, make_options
from bench.records.manifest import Request
from bench.suites.suite import Suite, SuiteError, TaskRow
from bench.system.code.user_code import is_user_code

ADDED = ("noise", "told_sigma", "told", "draws_of")
"""Settings of a task that are left out at their default, as if they had never been added."""


def make_request(suite: Suite, options: Options) -> Request:
    """Keeps a suite with all overrides, and the options that results depend on.

    Paths are written from the root of the file system.
    """
    plain = suite.model_dump(mode="json")
    _leave_out(plain, "margins")
    for row in plain["solvers"]:
        _leave_out(row, "samples")
    for task in plain["tasks"]:
        _leave_out_defaults(task)
    for row in (plain, *plain["tasks"], *plain["solvers"]):
        for name, place in PLACES.items():
            if row.get(name):
                row[name] = place(row[name])
    kept = {name: getattr(options, name) for name in KEPT}
    if options.fast:  # else manifests stay as they were
        kept["fast"] = True
    return Request(suite=plain, options=kept)


def _leave_out_defaults(task: dict[str, Any]) -> None:
    """Drops what was added to tasks and stands at its default."""
    for name in ADDED:
        if task[name] == TaskRow.model_fields[name].default:
            del task[name]


def _leave_out(settings: dict[str, Any], name: str) -> None:
    """Drops a setting that is not made, so that manifests of before it stay as they are."""
    if not settings[name]:
        del settings[name]


def parse_request(asked: Request, **where: Any) -> tuple[Suite, Options]:
    """The suite and the options of a request.

    Args:
        where: further options: the batch, the device, the folder of images.

    Raises:
        SuiteError: the request is of a version that knew other settings.
    """
    try:
        suite = Suite.model_validate(asked.suite)
        options = {**where, **asked.options}
        if options["deterministic"]:
            options["batch"] = 1
        place = {"": "what was asked"}
        tasks = tuple(row.placed(place) for row in suite.tasks)
        solvers = tuple(row.placed(place) for row in suite.solvers)
        placed = suite.model_copy(update={"tasks": tasks, "solvers": solvers})
        return placed, make_options(**options)
    except (KeyError, TypeError, ValidationError) as error:
        raise SuiteError(
            f"the manifest asks for what this version does not know: {first_line(error)}"
        ) from None


def _code(spec: str) -> str:
    """``file.py:Class`` with the whole path; names of ours and of modules as they are."""
    file, colon, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    if is_user_code(spec) and file.endswith(".py"):
        return f"{Path(file).absolute()}{colon}{name}"
    return spec


def _prior(name: str) -> str:
    kind, _, rest = name.partition(":")
    if kind == "diffusers":
        return f"{kind}:{Path(rest).expanduser().absolute()}"
    if kind == "azula":
        return f"{kind}:{_code(rest)}"
    return str(Path(name).absolute()) if name.endswith(".toml") else _code(name)


def _dataset(name: str) -> str:
    if name.endswith(".toml") or names_folder(name):
        return str(Path(name).expanduser().absolute())
    return name


PLACES: dict[str, Callable[[str], str]] = {
    "prior": _prior,
    "dataset": _dataset,
    "fid_stats": _dataset,
    "operator": _code,
    "solver": _code,
}
"""Settings of a suite and its rows that may be paths -> what makes them independent of the working folder."""
