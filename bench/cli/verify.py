"""`verify`: computes some of what is recorded again."""

from pathlib import Path

import click

from bench.cli.assets import DATA_ROOT
from bench.cli.errors import FAILURE, fail, plain_errors


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--suite",
    "suite_name",
    metavar="NAME|FILE",
    help="Only this suite; also for rows that do not say how they were made.",
)
@click.option(
    "--solver",
    "solvers",
    metavar="NAME[.param=value]",
    multiple=True,
    help="Only this row or solver. Repeatable.",
)
@click.option(
    "--task",
    "tasks",
    metavar="NAME",
    multiple=True,
    help="Only hdr or 'blur_*'; '!hdr': all but it. Repeatable.",
)
@click.option(
    "--images",
    type=click.IntRange(1),
    metavar="N",
    default=3,
    show_default=True,
    help="Of each row and task.",
)
@click.option(
    "--batch",
    type=click.IntRange(1),
    metavar="N",
    default=8,
    show_default=True,
    help="Images solved together.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@DATA_ROOT
@click.option(
    "--progress", type=click.Choice(["auto", "rich", "plain", "none"]), default="auto", show_default=True
)
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

    The measurement and the counted cost must be equal, and the metrics of half of a row's images within one
    unit of the last digit that tables show: rounding differs between machines, and some solvers amplify it on
    some images. Else it exits with 1. The manifests say how rows were made; those of folders that do not, by
    the suite as it is. What cannot be made again, as where a file of yours is gone or another one, is told
    with the reason.
    """
    from bench.cli.progress import make_observer
    from bench.cli.tables import repeat_table
    from bench.records.journal import read_records
    from bench.records.manifest import read_manifests
    from bench.verify.repeat import recorded_rows
    from bench.verify.repeat import verify as make_again
    from bench.verify.sources import sources
    from bench.verify.wanted import Wanted

    runs, records = read_manifests(folder), read_records(folder)[0]
    if not (runs and records):
        fail(f"{folder} is no run folder: it has no {'records' if runs else 'manifest'}", FAILURE)
    wanted = Wanted(suite_name, solvers, tasks)
    found = wanted.among(records, runs)
    rows = recorded_rows(found)
    ways = sources(runs, found, wanted, batch=batch, device=device, data_root=data_root)
    repeats, reasons = make_again(ways, rows, images, make_observer(progress, records))
    if repeats:
        click.echo(repeat_table(repeats))
    for name, reason in reasons.items():
        click.echo(f"not compared: {rows[name][0].task}  {rows[name][0].label}: {reason}")
    if left := len(recorded_rows(records)) - len(rows):
        click.echo(f"not compared: {left} recorded rows that --suite, --task and --solver leave out")
    if not repeats:
        fail(
            f"none of the records in {folder} can be made again: the reasons are above, or another --suite knows them",
            FAILURE,
        )
    if lost := sum(not r.reproduced for r in repeats):
        fail(f"{lost} of {len(repeats)} rows were not reproduced", FAILURE)
    click.echo(
        f"{sum(r.n for r in repeats)} reconstructions of {len(repeats)} rows made again, all reproduced"
    )
