"""What is asked of a run, as plain data that a manifest keeps: enough to make the same plan again."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.data import names_folder
from bench.environment import reproducible
from bench.prepare import Options
from bench.suites import Suite, SuiteError
from bench.user_code import is_user_code

BATCH = 8
KEPT = ("dtype", "limit", "compile", "recompute", "reference")
"""Options that are part of what is asked; the others say where and in which parts it is computed."""


def make_options(batch: int | None = None, reference: bool = False, **options: Any) -> Options:
    """Options, in reference mode of one image at a time.

    Raises:
        ValueError: reference mode with another batch.
    """
    if reference and batch not in {None, 1}:
        raise ValueError("--reference solves one image at a time; leave --batch out")
    return Options(batch=1 if reference else batch or BATCH, reference=reference, **options)


def mode(options: Options) -> contextlib.AbstractContextManager[None]:
    """In which a plan is prepared and run: deterministic in reference mode, which is set before anything of CUDA's starts."""
    return reproducible() if options.reference else contextlib.nullcontext()


def request(suite: Suite, options: Options) -> dict[str, Any]:
    """The suite with all overrides, and the options that results depend on; paths from the root of the file system."""
    plain = suite.model_dump(mode="json")
    for row in (plain, *plain["tasks"], *plain["solvers"]):
        row |= {name: place(row[name]) for name, place in PLACES.items() if row.get(name)}
    return {"suite": plain, "options": {name: getattr(options, name) for name in KEPT}}


def understood(asked: Mapping[str, Any], **where: Any) -> tuple[Suite, Options]:
    """The suite and the options of a `request`.

    Args:
        where: further options: the batch, the device, the folder of images.

    Raises:
        SuiteError: it is of a version that knew other settings.
    """
    try:
        suite, options = Suite.model_validate(asked["suite"]), {**where, **asked["options"]}
        if options["reference"]:
            options["batch"] = 1
        place = {"": "what was asked"}
        rows = {name: tuple(row.placed(place) for row in getattr(suite, name)) for name in ("tasks", "solvers")}
        return suite.model_copy(update=rows), make_options(**options)
    except (KeyError, TypeError, ValidationError) as error:
        raise SuiteError(f"the manifest asks for what this version does not know: {str(error).splitlines()[0]}") from None


def _code(spec: str) -> str:
    """``file.py:Class`` with the whole path; names of ours and of modules as they are."""
    file, colon, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    return f"{Path(file).absolute()}{colon}{name}" if is_user_code(spec) and file.endswith(".py") else spec


def _prior(name: str) -> str:
    kind, _, rest = name.partition(":")
    if kind == "diffusers":
        return f"{kind}:{Path(rest).expanduser().absolute()}"
    if kind == "azula":
        return f"{kind}:{_code(rest)}"
    return str(Path(name).absolute()) if name.endswith(".toml") else name


def _dataset(name: str) -> str:
    return str(Path(name).expanduser().absolute()) if name.endswith(".toml") or names_folder(name) else name


PLACES: dict[str, Callable[[str], str]] = {
    "prior": _prior,
    "dataset": _dataset,
    "reference": _dataset,
    "operator": _code,
    "solver": _code,
}
"""Settings of a suite and its rows that may be paths."""
