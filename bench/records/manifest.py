"""What the runs of a folder asked for, one file each: order, labels and titles for the report. No torch in
here.
"""

import json
from pathlib import Path
from typing import Any

from bench.records.files import StoreError, write_atomic
from bench.records.keys import canonical, digest, finite
from bench.records.record import FORMAT

UNNAMED = frozenset({"command", "created", "versions", "data_root"})
"""Entries that differ between the parts of one run."""


def write_manifest(folder: str | Path, run: dict[str, Any]) -> None:
    """Keeps what one start of a run asked for in manifest/<hash>.json, unless the same was asked before.

    The hash is of all but `UNNAMED`, so the shards of a run share a file, and a race between them loses
    nothing. ``run`` has, as plain JSON values::

        suite, title, dataset, dataset_sha256, prior, weights_sha256, seed, n_images, command, created,
        versions {name: text}, images  [ids in order]
        tasks   [{name, title, operator, params, sigma}] in order; title may be absent; dataset, prior and
        images
                (at most so many) where they are not those of the run; conventions {topic: text} of the
                operator
        rows    [{label, solver, preset, paper, baseline, images, tasks [names], cells {task: cell id}}] in
        order;
                images is the number of images planned for the row, null for all
        metrics {name: {label, format, higher_is_better, note}} in order
        seconds what the clock counts
        asked   {suite, options} as of `bench.plan.manifest`, from which `verify` makes the plan again; with
        it data_root, the folder
                of the user's images. Both may name paths of the machine; reports print neither

    The report takes the order of tasks, rows, images and metrics, the header and the notes from here, and
    numbers from records.
    """
    run = finite(run)
    asked = {name: value for name, value in run.items() if name not in UNNAMED}
    path = Path(folder) / "manifest" / f"{digest(asked)}.json"
    if not path.exists():
        write_atomic(path, json.dumps({"format": FORMAT, "run": run}, indent=1, allow_nan=False).encode())


def read_manifest(folder: str | Path) -> list[dict[str, Any]]:
    """The runs made into a folder, oldest first; [] where there is no manifest.

    Raises:
        StoreError: a file is damaged.

    """
    runs = []
    for path in (Path(folder) / "manifest").glob("*.json"):
        try:
            runs.append(dict(json.loads(path.read_text())["run"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"cannot read {path}: {error}; delete it, the records do not depend on it"
            ) from error
    return sorted(runs, key=lambda run: (run.get("created") or "", canonical(run)))
