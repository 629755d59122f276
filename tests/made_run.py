"""A made-up run: five rows over twelve images, one of which fails."""

import csv
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from bench.records.journal import Journal
from bench.records.keys import digest
from bench.records.manifest import RunManifest, write_manifest
from bench.records.record import Record
from bench.report import render
from bench.report.tables import build

N, SIDE, DIM = 12, 8, 24
IMAGES = [f"{i}" for i in range(N)]
HARD = np.random.default_rng(0).normal(0, 5, N)
JITTER = np.tile([0.1, -0.1], N // 2)
ROWS = ["pinv", "best", "same", "worse", "fails"]
PSNR = {
    "pinv": HARD + 10,
    "best": HARD + 21,
    "same": HARD + 21 + JITTER - 0.01,
    "worse": HARD + 20.5,
    "fails": HARD + 30,
}


def record(row, i, task="blur", psnr=None, **changes):
    psnr = PSNR[row][i] if psnr is None else psnr
    base = Record(
        key=digest([task, row, i, changes.get("params"), changes.get("sample")]),
        cell=digest([task, row, changes.get("params")]),
        suite="linear",
        dataset="tiny",
        task=task,
        operator="blur_gauss",
        operator_params={"std": 1.0},
        sigma=0.1,
        solver=row,
        label=row,
        preset=None if row == "pinv" else "paper",
        params={},
        paper="" if row == "pinv" else "2209.14687",
        baseline=row == "pinv",
        prior="net",
        weights_sha256="ab" * 32,
        image=IMAGES[i],
        sample=0,
        seed=0,
        y_hash=f"{task}{i}",
        image_sha256=f"sha{i}",
        status="ok",
        metrics={"psnr": float(psnr), "lpips": None, "misfit": 1.0},
        unavailable={"lpips": "no | weights\nhere"},
        nfe=0 if row == "pinv" else 20,
        vjps=20 if row == "best" else 0,
        seconds=0.5 + (i // 4) / 100,
        batch=4,
        created=f"2025-01-01T00:00:{ROWS.index(row) * N % 60 + i % 10:02d}+00:00",
        versions={"torch": "2"},
    )
    return replace(base, **changes)


def records(task="blur"):
    found = [record(row, i, task) for row in ROWS for i in range(N)]
    broken = {"status": "diverged", "reason": "not finite", "metrics": {}, "seconds": None}
    return [replace(r, **broken) if r.label == "fails" and r.image in ("3", "7") else r for r in found]


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)


def cell_of(row):
    return digest(["blur", row, None])


def asked(rows=(*ROWS, "later"), n=N, few=None, **changes):
    """The manifest of a run with n images, and fewer for some rows (label -> number)."""
    run = {
        "suite": "linear",
        "command": "bench run --suite linear",
        "created": "now",
        "n_images": n,
        "images": IMAGES[:n],
        "tasks": [{"name": "blur", "title": "Gaussian blur"}],
        "rows": [
            {"label": row, "images": (few or {}).get(row), "cells": {"blur": cell_of(row)}} for row in rows
        ],
        "seconds": "without noise | generation",
    }
    return run | changes


def manifest(**values):
    """A manifest of the suite "linear" that says so much and nothing else."""
    return RunManifest.from_disk({"suite": "linear"} | values)


def make_run(folder, found, pictures=2, manifests=None, masks=None):
    with Journal(folder) as journal:
        for r in found:
            journal.append(r)
    for manifest in [asked()] if manifests is None else manifests:
        write_manifest(folder, RunManifest.from_disk(manifest))
    objects = folder / "objects"
    (objects / "truth").mkdir(parents=True)
    (objects / "measurement").mkdir()
    for i in range(pictures):
        Image.fromarray(picture(i)).save(objects / "truth" / f"sha{i}.png")
        Image.fromarray(picture(100 + i)[:4, :4]).save(objects / "measurement" / f"blur{i}.png")
    for i, mask in (masks or {}).items():
        np.savez(objects / "measurement" / f"blur{i}.npz", mask=mask)
    for r in found:
        if r.image in IMAGES[:pictures] and r.status == "ok":
            (objects / r.key[:2]).mkdir(exist_ok=True)
            Image.fromarray(picture(int(r.key[:8], 16))).save(objects / r.key[:2] / f"{r.key}.png")
    return folder


def numbers(out):
    return {line["row"]: line for line in csv.DictReader(io.StringIO((out / "tables.csv").read_text()))}


def report(folder, out, formats=("md", "csv")):
    render(folder, out, formats)
    return (out / "report.md").read_text(), numbers(out)


def exact_table(task="m2", prior="mixture", turned=(), **metrics):
    """The table of an exact suite.

    Args:
        task, prior: what it is about.
        turned: rows whose records come in the opposite order of problems.
        metrics: metric -> row, which is also its solver -> one value for each problem.
    """
    found = {}
    for metric, rows in metrics.items():
        for row, values in rows.items():
            order = list(enumerate(values))
            for i, value in reversed(order) if row in turned else order:
                key = digest([task, row, i])
                base = found.setdefault(key, exact_record(row, i, key, task, prior))
                found[key] = replace(base, metrics=base.metrics | {metric: float(value)})
    (table,) = build(found.values(), [])
    return table


def exact_record(row, i, key, task, prior):
    anchor = row in ("exact", "oracle", "tds", "prior")
    base = record(
        "best",
        0,
        psnr=0,
        task=task,
        solver=row,
        label=row,
        baseline=anchor,
        samples_per_problem=60,
        prior=prior,
    )
    return replace(
        base,
        key=key,
        cell=digest([task, row]),
        image=f"problem-{i:03d}",
        y_hash=f"{task}{i}",
        metrics={},
        unavailable={},
    )
