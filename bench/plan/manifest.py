"""What a run asks for, in the form that its manifest keeps, and the plan that a manifest asks for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.data import names_folder
from bench.exact.distances import metrics as distances
from bench.metrics.table import INCEPTION, METRICS
from bench.plan.cell import Cell
from bench.plan.options import KEPT, Options, make_options
from bench.stats.distances import MOST
from bench.stats.features import MODES
from bench.stats.metric import Metric
from bench.suites.suite import Suite, SuiteError
from bench.system.user_code import is_user_code

SECONDS_NOTE = (
    "device synchronised; without noise generation, warm-up, metrics and files; one value per batch"
)


def describe_run(
    suite: Suite, cells: Sequence[Cell], scored: Sequence[str], reference: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All but the command, the time and the versions, which differ between the parts of one run.

    Args:
        scored: metrics of each image, in the order of the tables.
        reference: `bench.metrics.fid_stats.describe_fid_stats` of the data set that FID and KID compare with.
    """
    rows = {cell.label: [c for c in cells if c.label == cell.label] for cell in cells}
    firsts = {cell.task.name: cell for cell in reversed(cells)}
    tasks = {cell.task.name: firsts[cell.task.name] for cell in cells}
    few = {row.name: {"images": row.images} for row in suite.tasks if row.images}
    told = {row.label: {"skip_duplicates": True} for row in suite.solvers if row.skip_duplicates}
    data, prior = cells[0].data, cells[0].prior
    shown: dict[str, Metric] = {}
    if images := [cell for cell in cells if cell.block == 1]:
        names = [*scored, *["fid", "kid"] * suite.features]
        shown |= {name: METRICS[name] for name in names}
        shown |= {
            name: about_sets(name, suite.fid_mode, reference) for name in ("fid", "kid") if name in shown
        }
    if len(images) < len(cells):
        shown |= distances.METRICS
    return {
        "suite": suite.name,
        "title": suite.title,
        "dataset": data.name,
        "dataset_sha256": getattr(data, "card_sha256", None),
        "prior": prior.name,
        "weights_sha256": prior.weights_sha256,
        "seed": suite.seed,
        "n_images": suite.images,
        "images": list(dict.fromkeys(image for cell in cells for image in cell.images)),
        "tasks": [describe_task(cell, cells[0]) | few.get(name, {}) for name, cell in tasks.items()],
        "rows": [describe_row(label, row, suite.images) | told.get(label, {}) for label, row in rows.items()],
        "metrics": {name: describe_metric(metric) for name, metric in shown.items()},
        "seconds": SECONDS_NOTE,
    } | describe_sets(suite.fid_mode, reference)


def describe_sets(mode: str, reference: Mapping[str, Any] | None) -> dict[str, Any]:
    """What FID and KID are made of, where it is not the usual: "legacy_pytorch" features and the true images
    of the run.
    """
    return {"sets": {"mode": mode, "reference": reference}} if reference or mode != MODES[0] else {}


def about_sets(name: str, mode: str, reference: Mapping[str, Any] | None) -> Metric:
    """FID or KID, with a note that names the mode and the reference."""
    metric = METRICS[name]
    note = metric.note.replace(INCEPTION[MODES[0]], INCEPTION[mode])
    if reference:
        part = f", of which {MOST} evenly spread" if name == "kid" and reference["n"] > MOST else ""
        note += f"; reference: the {reference['n']} images of {reference['dataset']} (list {reference['list'][:12]}){part}"
    return replace(metric, note=note)


def describe_task(cell: Cell, first: Cell) -> dict[str, Any]:
    """A table; its data set and prior where they are not those of the first one."""
    task = cell.task
    about = {name: getattr(task, name) for name in ("name", "title", "operator", "params", "sigma")}
    own = {"dataset": (cell.data.name, first.data.name), "prior": (cell.prior.name, first.prior.name)}
    facts = task.operators(cell.data.shape, cell.images[:1]).conventions()
    code = {"operator_sha256": cell.operator_sha256} if cell.operator_sha256 else {}
    others = {what: name for what, (name, usual) in own.items() if name != usual}
    return about | code | others | ({"conventions": facts} if facts else {})


def describe_row(label: str, cells: Sequence[Cell], n_images: int) -> dict[str, Any]:
    """A row of the tables, from its cells, one for each of its tasks; ``images`` is None where it takes
    all.
    """
    head, most = cells[0], max(len(cell.images) for cell in cells)
    return {
        "label": label,
        "solver": head.name,
        "preset": head.preset,
        "paper": head.solver.paper,
        "baseline": head.solver.baseline,
        "images": most if most != n_images else None,
        "tasks": [cell.task.name for cell in cells],
        "cells": {cell.task.name: cell.id for cell in cells},
    }


def describe_metric(m: Metric) -> dict[str, Any]:
    """A column."""
    return {
        "label": m.label,
        "format": f".{m.decimals}f",
        "scale": m.scale,
        "higher_is_better": m.higher_is_better,
        "note": m.note,
    }


def metric_revisions() -> str:
    """Of all metrics: "1", and those that have another one."""
    return " ".join(["1", *(f"{name}={metric.rev}" for name, metric in METRICS.items() if metric.rev != 1)])


def request(suite: Suite, options: Options) -> dict[str, Any]:
    """The suite with all overrides, and the options that results depend on; paths from the root of the file
    system.
    """
    plain = suite.model_dump(mode="json")
    for row in (plain, *plain["tasks"], *plain["solvers"]):
        row |= {name: place(row[name]) for name, place in PLACES.items() if row.get(name)}
    return {"suite": plain, "options": {name: getattr(options, name) for name in KEPT}}


def parse_request(asked: Mapping[str, Any], **where: Any) -> tuple[Suite, Options]:
    """The suite and the options of a `request`.

    Args:
        where: further options: the batch, the device, the folder of images.

    Raises:
        SuiteError: it is of a version that knew other settings.
    """
    try:
        suite, options = Suite.model_validate(asked["suite"]), {**where, **asked["options"]}
        if options["deterministic"]:
            options["batch"] = 1
        place = {"": "what was asked"}
        rows = {
            name: tuple(row.placed(place) for row in getattr(suite, name)) for name in ("tasks", "solvers")
        }
        return suite.model_copy(update=rows), make_options(**options)
    except (KeyError, TypeError, ValidationError) as error:
        raise SuiteError(
            f"the manifest asks for what this version does not know: {str(error).splitlines()[0]}"
        ) from None


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
    "fid_stats": _dataset,
    "operator": _code,
    "solver": _code,
}
"""Settings of a suite and its rows that may be paths."""
