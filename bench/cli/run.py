"""`run`: computes what a suite lacks."""

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bench.cli.assets import DATA_ROOT
from bench.cli.errors import FAILURE, INTERRUPTED, USAGE, fail, plain_errors
from bench.cli.report import RESULTS, write_report


class Shard(click.ParamType):
    """i/n -> (i, n)."""

    name = "i/n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        i, _, n = value.partition("/")
        if not (i.isdigit() and n.isdigit() and 1 <= int(i) <= int(n)):
            self.fail(f"'{value}' is not i/n with 1 <= i <= n, as in 1/4", param, ctx)
        return int(i), int(n)


class Pictures(click.ParamType):
    """all, none or first:N -> None, 0 or N."""

    name = "all|first:N|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        word, _, number = str(value).partition(":")
        if value in {"all", "none"}:
            return None if value == "all" else 0
        if word != "first" or not number.isdigit():
            self.fail(f"'{value}' is none of all, none, first:N", param, ctx)
        return int(number)


@click.command()
@click.option(
    "--suite",
    "suite_name",
    metavar="NAME|FILE",
    default="demo",
    show_default=True,
    help="See `list`, or your .yaml.",
)
@click.option(
    "--solver",
    "solvers",
    metavar="NAME[.param=value]",
    multiple=True,
    help="Row, solver, pkg.mod:Class or file.py:Class.",
)
@click.option(
    "--task",
    "tasks",
    metavar="NAME",
    multiple=True,
    help="Only hdr or 'blur_*'; '!hdr': all but it. Repeatable.",
)
@click.option(
    "--operator", metavar="NAME", help="One task instead, of this operator, pkg.mod:Class or file.py:Class."
)
@click.option("--prior", metavar="NAME|FILE", help="Another prior than the suite's.")
@click.option("--dataset", metavar="NAME|FILE", help="Another data set than the suite's.")
@click.option(
    "--images-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="All images of a folder instead of a data set: cropped and resized to the prior's size, no more than the suite takes.",
)
@DATA_ROOT
@click.option(
    "--images",
    type=click.IntRange(1),
    metavar="N",
    help="Another number of images, the first ones, for every row.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    metavar="K",
    help="Reconstructions per image; the report then shows their diversity and calibration.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Another root seed of all random streams.")
@click.option("--batch", type=click.IntRange(1), metavar="N", help="Images solved together.  [default: 8]")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
)
@click.option("--compile", is_flag=True, help="Compile the network with torch.compile; needs a C++ compiler.")
@click.option(
    "--recompute", is_flag=True, help="Recompute activations in backward passes: less memory, more time."
)
@click.option(
    "--deterministic",
    is_flag=True,
    help="One image at a time, on one thread, with deterministic kernels: the same bits in any order, shards and workers.",
)
@click.option(
    "--time-limit", type=click.FloatRange(0, min_open=True), metavar="S", help="Seconds per image and solver."
)
@click.option(
    "--shard",
    type=Shard(),
    default="1/1",
    help="Only the i-th of n parts of the images; parts merge in one folder.",
)
@click.option(
    "--workers",
    metavar="N|DEVICE,...",
    default="",
    help="So many processes, or one per device: cuda:0,cuda:1.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder.  [default: results/<suite>]"
)
@click.option("--retry", is_flag=True, help="Run again what failed or ran out of memory or time.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what is missing and, after a few trial steps, how long it takes; write nothing.",
)
@click.option(
    "--save-images",
    "pictures",
    type=Pictures(),
    default="first:8",
    show_default=True,
    help="Pictures to keep, by cell.",
)
@click.option(
    "--progress", type=click.Choice(["auto", "rich", "plain", "none"]), default="auto", show_default=True
)
@click.option("--report/--no-report", default=True, help="Render the report at the end.  [default: report]")
@plain_errors
def run(
    suite_name: str,
    solvers: tuple[str, ...],
    tasks: tuple[str, ...],
    operator: str | None,
    images_dir: Path | None,
    out: Path | None,
    dry_run: bool,
    progress: str,
    report: bool,
    workers: str,
    batch: int | None,
    deterministic: bool,
    **options: Any,
) -> None:
    """Runs what a suite lacks: measure, solve, score, record.

    Whatever is recorded in the run folder is not computed again, so a run that was stopped goes on where it
    was.
    """
    from bench.data import image_files
    from bench.operators import operator_name
    from bench.plan.build import prepare
    from bench.plan.options import make_options, mode
    from bench.suites.changes import at_most, override, with_operator
    from bench.suites.suite import load_suite
    from solvers import ANCHORS, SOLVERS

    changes = {name: options.pop(name) for name in ("prior", "dataset", "images", "samples", "seed")}
    try:
        how = make_options(batch, deterministic, limit=options.pop("time_limit"), **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if images_dir is not None:
        if changes["dataset"] is not None:
            raise click.UsageError("--images-dir and --dataset exclude each other")
        changes["dataset"] = str(images_dir.resolve())
    suite = load_suite(suite_name)
    if operator is not None:
        if tasks:
            raise click.UsageError("--operator and --task exclude each other")
        try:
            suite = with_operator(suite, operator, operator_name(operator))
        except ValueError as error:
            fail(f"--operator: {error}", USAGE)
    suite = override(suite, solvers, tasks, [*SOLVERS, *ANCHORS], **changes)
    if images_dir is not None and changes["images"] is None:
        suite = at_most(suite, len(image_files(images_dir)))
    folder = out or RESULTS / suite.name
    with mode(how):
        plan = prepare(suite, how)
        if dry_run:
            from bench.cli.tables import forecast_table
            from bench.records.journal import read_records
            from bench.run.forecast import forecast

            past = read_records(folder)[0]
            tell_other_versions(plan, past)
            click.echo(forecast_table(forecast(plan, past)))
            return
        lost = compute(plan, folder, progress, workers)
    if report:
        click.echo(f"\nreport: {write_report([folder], folder / 'report')}")
    if lost:
        what = ", ".join(f"{n} {status}" for status, n in lost.items())
        fail(f"{what}; the reasons are above and in {folder}; --retry runs them again", FAILURE)


def compute(plan: Any, folder: Path, progress: str, workers: str = "") -> dict[str, int]:
    """Runs a plan and prints the scores of its cells; how many of their reconstructions are lost, by
    status.
    """
    from bench.cli.progress import make_observer
    from bench.cli.tables import score_table
    from bench.records.journal import read_records
    from bench.records.record import DONE
    from bench.run.runner import Runner

    past, damaged = read_records(folder)
    if damaged:
        click.echo(f"warning: {damaged} damaged journal lines in {folder} are ignored", err=True)
    tell_other_versions(plan, past)
    runner = Runner(plan, folder, make_observer(progress, past), command_line(sys.argv[1:]))
    if ordinary := made_otherwise(runner, past):  # on stdout, which the workers of a run do not have
        click.echo(
            f"note: {ordinary} records are there from ordinary runs; they are not made again in deterministic mode"
        )
    try:
        if workers:
            distribute(runner, workers)
        else:
            runner.run()
    except KeyboardInterrupt:
        new = len(read_records(folder)[0]) - len(past)
        fail(f"interrupted; {new} new records are kept in {folder}: run again to go on", INTERRUPTED)
    records, cells = read_records(folder)[0], {cell.id for cell in plan.cells}
    click.echo(score_table(plan.cells, records))
    for metric, reason in runner.scorer.unavailable.items():
        click.echo(f"{metric} is unavailable: {reason}")
    return Counter(record.status for record in records if record.cell in cells and record.status not in DONE)


def tell_other_versions(plan: Any, past: Sequence[Any]) -> None:
    """Prints a line for each row and operator of a user that has records of another version of its code."""
    from bench.plan.other_versions import other_versions

    for note in other_versions(plan.cells, past):
        click.echo(f"note: {note}; they are kept and not used")


def made_otherwise(runner: Any, past: Sequence[Any]) -> int:
    """How many reconstructions of a plan in deterministic mode were made outside of it, and so are not made
    in it.
    """
    plan = runner.plan
    if not plan.options.deterministic:
        return 0
    done = runner.done(r for r in past if r.status != "skipped" and not r.is_deterministic)
    return sum(job.key in done for cell in plan.cells for job in plan.missing(cell, set()))


def distribute(runner: Any, workers: str) -> None:
    """Runs a plan in several processes, and tells its observer of the records that they write."""
    from bench.records.journal import Arrivals, read_records, wrote_records
    from bench.run.engines.processes import parts, run_parts
    from bench.system.device import get_device

    plan, folder, observer = runner.plan, runner.folder, runner.observer
    try:
        todo = parts(workers, plan.options.device, plan.options.shard)
    except ValueError as error:
        fail(str(error), USAGE)
    for part in todo:
        get_device(part.device)
    runner.announce()
    arrivals, done = Arrivals(folder), runner.done(read_records(folder)[0])
    missing = [(cell, plan.missing(cell, done)) for cell in plan.cells]
    awaited = {job.key: cell for cell, jobs in missing for job in jobs}

    def watch() -> None:
        for record in arrivals.new():
            if cell := awaited.pop(record.key, None):
                observer.recorded(cell, record)

    observer.start([(cell, len(jobs)) for cell, jobs in missing], len(todo))
    try:
        gave_up = run_parts(
            [*sys.argv[1:], "--progress", "none"], todo, lambda pid: wrote_records(folder, pid), watch
        )
    finally:
        observer.finish()
    if gave_up:
        which = ", ".join(f"{i}/{n} on {part.device}" for part in gave_up for i, n in [part.shard])
        fail(
            f"shard {which} died {gave_up[0].deaths} times without a new record; run it alone to see why",
            FAILURE,
        )
    done = runner.done(read_records(folder)[0])
    if left := sum(len(plan.missing(cell, done)) for cell in plan.cells):
        fail(
            f"{left} reconstructions were not made: a worker ended with the error above; run again to go on",
            FAILURE,
        )


def command_line(arguments: list[str]) -> str:
    """The command as a manifest keeps it, to be published: a path is shown from the working folder, or by its
    name alone.
    """

    def portable(text: str) -> str:
        option, equals, value = text.rpartition("=") if text.startswith("-") else ("", "", text)
        path = Path(value)
        if not path.is_absolute():
            return text
        here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path.name
        return f"{option}{equals}{here}"

    return shlex.join(["python", "-m", "bench", *map(portable, arguments)])
