"""What a run asks for, in the form that `bench.manifest.write_manifest` keeps for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench import blocks
from bench.features import MODES
from bench.metrics import INCEPTION, METRICS, Metric
from bench.plan import Cell
from bench.scoring import Scorer
from bench.stats import MOST
from bench.suites import Suite

SECONDS_NOTE = "device synchronised; without noise generation, warm-up, metrics and files; one value per batch"


def describe_run(
    suite: Suite, cells: Sequence[Cell], scorer: Scorer, reference: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All but the command, the time and the versions, which differ between the parts of one run.

    Args:
        reference: `bench.reference.describe_reference` of the data set that FID and KID compare with.
    """
    rows = {cell.label: [c for c in cells if c.label == cell.label] for cell in cells}
    firsts = {cell.task.name: cell for cell in reversed(cells)}
    tasks = {cell.task.name: firsts[cell.task.name] for cell in cells}
    few = {row.name: {"images": row.images} for row in suite.tasks if row.images}
    told = {row.label: {"if_other": True} for row in suite.solvers if row.if_other}
    data, prior = cells[0].data, cells[0].prior
    shown: dict[str, Metric] = {}
    if images := [cell for cell in cells if cell.block == 1]:
        names = scorer.names(max(cell.task.sigma for cell in images)) + ["fid", "kid"] * suite.features
        shown |= {name: METRICS[name] for name in names}
        shown |= {name: about_sets(name, suite.fid_mode, reference) for name in ("fid", "kid") if name in shown}
    if len(images) < len(cells):
        shown |= blocks.METRICS
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
    """What FID and KID are made of, where it is not the usual: "legacy_pytorch" features and the true images of the run."""
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
    """A row of the tables, from its cells, one for each of its tasks; ``images`` is None where it takes all."""
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
