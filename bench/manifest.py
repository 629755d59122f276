"""What a run asks for, in the form that `bench.records.write_manifest` keeps for the report."""

from collections.abc import Sequence
from typing import Any

from bench.metrics import METRICS
from bench.plan import Cell
from bench.prior import Prior
from bench.scoring import Scorer
from bench.suites import Suite
from bench.tasks import Images, Task

SECONDS_NOTE = "device synchronised; without noise generation, warm-up, metrics and files; one value per batch"


def describe_run(suite: Suite, data: Images, prior: Prior, cells: Sequence[Cell], scorer: Scorer) -> dict[str, Any]:
    """All but the command, the time and the versions, which differ between the parts of one run."""
    rows = {cell.label: [c for c in cells if c.label == cell.label] for cell in cells}
    tasks = {cell.task.name: cell.task for cell in cells}
    shown = scorer.names(max(task.sigma for task in tasks.values())) + ["fid", "kid"] * suite.features
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
        "tasks": [describe_task(task) for task in tasks.values()],
        "rows": [describe_row(label, row, suite.images) for label, row in rows.items()],
        "metrics": {name: describe_metric(name) for name in shown},
        "seconds": SECONDS_NOTE,
    }


def describe_task(task: Task) -> dict[str, Any]:
    """A table."""
    return {"name": task.name, "title": task.title, "operator": task.operator, "params": dict(task.params), "sigma": task.sigma}


def describe_row(label: str, cells: Sequence[Cell], n_images: int) -> dict[str, Any]:
    """A row of the tables, from its cells, one for each of its tasks; ``images`` is None where it takes all."""
    head = cells[0]
    return {
        "label": label,
        "solver": head.name,
        "preset": head.preset,
        "paper": head.solver.paper,
        "baseline": head.solver.baseline,
        "images": len(head.images) if len(head.images) != n_images else None,
        "tasks": [cell.task.name for cell in cells],
        "cells": {cell.task.name: cell.id for cell in cells},
    }


def describe_metric(name: str) -> dict[str, Any]:
    """A column."""
    m = METRICS[name]
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
