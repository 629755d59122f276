"""`verify`: computes some of what is recorded again."""

from pathlib import Path

import click

from bench.cli.assets import DATA_ROOT
from bench.cli.errors import FAILURE, fail, plain_errors


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--suite", "suite_name", metavar="NAME|FILE", help="Of the records.  [default: as the folder says]")
@click.option("--solver", "solvers", metavar="NAME[.param=value]", multiple=True, help="As of `run`. Repeatable.")
@click.option("--task", "tasks", metavar="NAME", multiple=True, help="Only this task. Repeatable.")
@click.option("--images", type=click.IntRange(1), metavar="N", default=3, show_default=True, help="Of each row and task.")
@click.option("--batch", type=click.IntRange(1), metavar="N", default=8, show_default=True, help="Images solved together.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@DATA_ROOT
@click.option("--progress", type=click.Choice(["auto", "rich", "plain", "none"]), default="auto", show_default=True)
@plain_errors
def verify(
    folder: Path,
    suite_name: str | None,
    solvers: tuple[str, ...],
    tasks: tuple[str, ...],
    images: int,
    batch: int,
    device: str,
    data_root: Path | None,
    progress: str,
) -> None:
    """Computes some images of every recorded row of a run FOLDER again and compares.

    The measurement and the counted cost must be equal, and the metrics of half of a row's images within one unit of the last
    digit that tables show: rounding differs between machines, and some solvers amplify it on some images. Else it exits
    with 1. Rows are found by the suite as it is, at the seed and dtype of the newest records; those of another data set, prior,
    operator or limit are counted as not compared.
    """
    from bench.manifest import read_manifest
    from bench.prepare import Options, prepare
    from bench.progress import make_observer
    from bench.records import read_records
    from bench.suites import load_suite, override
    from bench.verify import repeat, repeat_table
    from solvers import ANCHORS, SOLVERS

    runs, records = read_manifest(folder), read_records(folder)[0]
    if not (runs and records):
        fail(f"{folder} is no run folder: it has no {'records' if runs else 'manifest'}", FAILURE)
    run = runs[-1]
    suite = override(load_suite(suite_name or run["suite"]), solvers, tasks, [*SOLVERS, *ANCHORS], seed=run["seed"])
    dtype = next((r.dtype for r in reversed(records) if r.status == "ok"), "float32")
    plan = prepare(suite, Options(batch=batch, device=device, dtype=dtype, data_root=data_root))
    repeats = repeat(plan, records, images, make_observer(progress, records))
    if not repeats:
        fail(f"none of the records in {folder} is of suite '{suite.name}' as it is now; give another --suite", FAILURE)
    click.echo(repeat_table(repeats))
    if left := len({r.cell for r in records if r.status in {"ok", "diverged"}}) - len(repeats):
        click.echo(f"not compared: {left} recorded rows of other tasks, settings, seeds, data, limits or dtypes than these")
    if lost := sum(not r.reproduced for r in repeats):
        fail(f"{lost} of {len(repeats)} rows were not reproduced", FAILURE)
    click.echo(f"{sum(r.n for r in repeats)} reconstructions of {len(repeats)} rows made again, all reproduced")
