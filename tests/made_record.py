"""A made-up record."""

from dataclasses import replace

from bench.records.record import Record


def make(i=0, **changes):
    base = Record(
        key=f"{i:064x}",
        cell="c",
        suite="s",
        dataset="d",
        task="t",
        operator="denoise",
        operator_params={},
        sigma=0.1,
        solver="dps",
        label="dps",
        preset="paper",
        params={"eta": 1.0},
        paper="2209.14687",
        baseline=False,
        prior="p",
        weights_sha256=None,
        image=f"im{i}",
        sample=0,
        seed=0,
        y_hash="y",
        status="ok",
        metrics={"psnr": 20.0 + i},
        created=f"2025-01-01T00:00:{i % 60:02d}Z",
    )
    return replace(base, **changes)
