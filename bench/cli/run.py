"""`run`: computes what a suite lacks."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.command import (
    FAILURE,
    HOW,
    INTERRUPTED,
    OUTPUT,
    USAGE,
    WHERE,
    Pictures,
    Shard,
    at_least,
    command_line,
    data_root,
    device,
    fail,
    group,
    loading,
    positive,
    progress,
    say,
    task,
    verb,
)
from bench.cli.results import RESULTS, write_report
from bench.names import counted

if TYPE_CHECKING:
    from bench.plan.options import Options
    from bench.plan.plan import Plan
    from bench.records.record import Record
    from bench.run.runner import Runner
    from bench.suites.suite import Suite

what, where, how, output = group("What to run"), group(WHERE), group(HOW), group(OUTPUT)
CHANGES = ("solvers", "tasks", "operator", "prior", "dataset", "images_dir", "images", "samples", "seed")
"""Parameters of `run` that change the suite."""


@verb(
    "run",
    "run --suite demo",
    "run --suite linear --solver dps.zeta=0.3,1 --task 'blur_*' --images 8",
    "run --suite ffhq-linear --data-root /data/ffhq --device cuda --solver my_solver.py:Mine",
)
@what(
    "--suite",
    "suite_name",
    metavar="NAME|FILE",
    default="demo",
    show_default=True,
    help="A suite that `list` shows, or your .yaml file.",
)
@what(
    "--solver",
    "solvers",
    metavar="NAME[.param=value,...]",
    multiple=True,
    help="Only the rows with this label or method, or one of your own: file.py, file.py:Class or "
    "pkg.mod:Class. dps.zeta=0.3,1 runs a changed copy of each row of dps instead, for each value; "
    "the values of several parameters are combined. With --solver dps beside it, the rows run as they "
    "are, too. Repeatable.",
)
@task(what)
@what(
    "--operator",
    metavar="NAME",
    help="One task with this operator instead; it may be your own, pkg.mod:Class or file.py:Class.",
)
@what(
    "--prior",
    metavar="NAME|FILE",
    help="Another prior than the suite's: a name, a card (.toml), diffusers:FOLDER, azula:NAME, or your "
    "own function, file.py:function.",
)
@what("--dataset", metavar="NAME|FILE", help="Another data set than the suite's.")
@what(
    "--images-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The images of this folder instead of a data set, cropped and resized to the prior's size; "
    "no more of them than the suite takes.",
)
@what("--images", type=at_least(1), metavar="N", help="For every row the first N images.")
@what(
    "--samples",
    type=at_least(1, 10_000),
    metavar="K",
    help="Reconstructions per image; the report then shows their diversity and calibration.",
)
@what("--seed", type=at_least(0, 10**18 - 1), metavar="N", help="Another root seed of all random streams.")
@data_root()
@device()
@where(
    "--workers",
    metavar="N|DEVICE,...",
    default="",
    help="N processes, or one per device, as in cuda:0,cuda:1.",
)
@where(
    "--shard",
    type=Shard(),
    default="1/1",
    help="Only the I-th of N parts of the images; the parts may share one run folder.",
)
@how("--batch", type=at_least(1), metavar="N", help="Images solved together.  [default: 8, or what fits]")
@how(
    "--dtype",
    type=click.Choice(["float32", "float64", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Numbers in which the network and the solver compute.",
)
@how("--compile", is_flag=True, help="Compile the network with torch.compile; needs a C++ compiler.")
@how("--recompute", is_flag=True, help="Recompute activations in backward passes: less memory, more time.")
@how(
    "--deterministic",
    is_flag=True,
    help="One image at a time, on one thread, with deterministic kernels: the bits do not depend on order, "
    "shards or workers.",
)
@how(
    "--time-limit",
    type=positive(10**9),
    metavar="S",
    help="Seconds per image and solver, after which the solver is stopped.",
)
@how("--retry", is_flag=True, help="Run again what failed or ran out of memory or time.")
@how(
    "--dry-run",
    is_flag=True,
    help="Print what is missing and, after a few trial steps, how long it takes; write nothing.",
)
@output(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Run folder.  [default: results/NAME]",
)
@output(
    "--save-images",
    "pictures",
    type=Pictures(),
    default="first:8",
    show_default=True,
    help="Of each task and row, the images whose pictures are kept.",
)
@progress()
@output("--report/--no-report", default=True, help="Render the report at the end.  [default: report]")
def run(
    suite_name: str,
    out: Path | None,
    workers: str,
    dry_run: bool,
    progress: str,
    report: bool,
    **options: Any,
) -> None:
    """Runs what a suite lacks: measure, solve, score, record.

    Whatever is recorded in the run folder is not computed again, so a run that was stopped goes on where it
    was.
    """
    suite = changed_suite(suite_name, **{name: options.pop(name) for name in CHANGES})
    if progress != "none":
        rows, tasks = counted(len(suite.solvers), "row"), counted(len(suite.tasks), "task")
        loading(f"suite {suite.name}: {rows}, {tasks}, {counted(suite.images, 'image')}")
    from bench.plan.build import prepare
    from bench.plan.options import mode

    sized = options["batch"] is None
    chosen = parse_options(options)
    if workers:
        check_workers(workers, chosen)
    folder = out or RESULTS / suite.name
    with mode(chosen):
        plan = prepare(suite, chosen)
        tell_notes(plan)
        if dry_run:
            print_forecast(plan, folder)
            return
        if sized:
            plan = fitting_batch(plan)
        lost = compute(plan, folder, progress, workers)
    if report:
        click.echo(f"\nreport: {write_report([folder], folder / 'report')}")
    if lost:
        counts = ", ".join(f"{n} {status}" for status, n in lost.items())
        fail(f"{counts}; the reasons are above and in {folder}; --retry runs them again", FAILURE)


def fitting_batch(plan: "Plan") -> "Plan":
    """The plan with a batch that fits into the device's memory; says so where it is a smaller one."""
    from bench.forecast.memory import fitting

    fitted = fitting(plan)
    if fitted.options.batch < plan.options.batch:
        say(f"batch {fitted.options.batch}: more images at one time do not fit into the memory that is free")
    return fitted


def check_workers(workers: str, options: "Options") -> None:
    """Refuses what ``--workers`` cannot mean, before anything is loaded or written."""
    from bench.run.engines.processes import parts

    try:
        parts(workers, options.device, options.shard)
    except ValueError as error:
        fail(str(error), USAGE)


def parse_options(options: dict[str, Any]) -> "Options":
    """The options that say how to run, as `bench.plan.options.Options`."""
    from bench.plan.options import make_options

    limit = options.pop("time_limit")
    try:
        return make_options(limit=limit, **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def changed_suite(
    suite_name: str,
    solvers: tuple[str, ...],
    tasks: tuple[str, ...],
    operator: str | None,
    images_dir: Path | None,
    **fields: Any,
) -> "Suite":
    """The suite with the changes that the command line asks for."""
    from bench.suites.cards import list_cards
    from bench.suites.changes import at_most, override, with_operator
    from bench.suites.known import check_names
    from bench.suites.suite import load_suite

    if images_dir is not None:
        if fields["dataset"] is not None:
            raise click.UsageError("--images-dir and --dataset exclude each other")
        fields["dataset"] = str(images_dir.resolve())
    suite = load_suite(suite_name)
    if operator is not None:
        if tasks:
            raise click.UsageError("--operator and --task exclude each other")
        suite = with_operator(suite, operator, name_of_operator(operator))
    suite = override(suite, solvers, tasks, list(list_cards()), **fields)
    check_names(suite)
    if images_dir is not None and fields["images"] is None:
        from bench.data import image_files

        suite = at_most(suite, len(image_files(images_dir).files))
    return suite


def name_of_operator(operator: str) -> str:
    """The name in tables of the operator that ``--operator`` gives; that of ours is found without torch."""
    from bench.suites.known import wrong_operator
    from bench.system.code.user_code import is_user_code

    for reason in wrong_operator(operator):
        fail(f"--operator: {reason}", USAGE)
    if not is_user_code(operator):
        return operator
    from bench.operators import operator_name

    try:
        return operator_name(operator)
    except ValueError as error:
        fail(f"--operator: {error}", USAGE)


def print_forecast(plan: "Plan", folder: Path) -> None:
    """Prints what a run would compute and how long it would take."""
    from bench.cli.tables import forecast_table
    from bench.records.journal import read_records
    from bench.run.forecast import forecast

    past = read_records(folder)[0]
    tell_other_versions(plan, past)
    click.echo(forecast_table(forecast(plan, past)))


def compute(plan: "Plan", folder: Path, progress: str, workers: str = "") -> Counter[str]:
    """Runs a plan and prints the scores of its cells; how many reconstructions are lost, by status."""
    from bench.cli.progress import make_observer
    from bench.cli.tables import below_baseline, score_table
    from bench.cli.workers import distribute
    from bench.records.files import check_run_folder, remove_leftovers
    from bench.records.journal import History
    from bench.records.record import DONE
    from bench.run.runner import Runner

    remove_leftovers(folder)
    history = History(folder)
    past = history.records
    if history.damaged:
        say(f"warning: {counted(history.damaged, 'damaged journal line')} in {folder} ignored")
    tell_other_versions(plan, past)
    command = command_line(sys.argv[1:])
    runner = Runner(plan, folder, make_observer(progress, past), command, history)
    tell_ordinary_records(runner, past)
    tell_empty_shard(plan)
    try:
        if workers:
            distribute(runner, workers)
        else:
            runner.run()
    except KeyboardInterrupt:
        history.new()
        new = len(history.records) - len(past)
        fail(f"interrupted; {new} new records are kept in {folder}: run again to go on", INTERRUPTED)
    check_run_folder(folder)  # it may have been deleted meanwhile
    history.new()
    records, cells = history.records, {cell.id for cell in plan.cells}
    click.echo(score_table(plan.cells, records))
    for line in below_baseline(plan.cells, records):
        say(line)
    for metric, reason in runner.scorer.unavailable.items():
        click.echo(f"{metric} is unavailable: {reason}")
    return Counter(record.status for record in records if record.cell in cells and record.status not in DONE)


def tell_notes(plan: "Plan") -> None:
    """Prints what the data sets have to say: files left out, and photographs that lose their colours."""
    data = {id(cell.data): cell.data for cell in plan.cells}
    for one in data.values():
        for note in getattr(one, "notes", ()):
            say(note)


def tell_other_versions(plan: "Plan", past: Sequence["Record"]) -> None:
    """Prints a line for each row and operator of a user that has records of another version of its code."""
    from bench.plan.other_versions import other_versions

    for note in other_versions(plan.cells, past):
        click.echo(f"note: {note}; they are kept and not used")


def tell_empty_shard(plan: "Plan") -> None:
    """Prints that a shard has no image, where there are more shards than images."""
    (i, n), images = plan.options.shard, max(len(cell.images) for cell in plan.cells)
    if i > images:
        say(f"note: shard {i}/{n} has none of the {counted(images, 'image')}; there is nothing to do")


def tell_ordinary_records(runner: "Runner", past: Sequence["Record"]) -> None:
    """Prints how many reconstructions of a deterministic plan ordinary runs have made already."""
    plan = runner.plan
    if not plan.options.deterministic:
        return
    done = runner.done(r for r in past if r.status != "skipped" and not r.is_deterministic)
    keys = [job.key for cell in plan.cells for job in plan.missing(cell, set())]
    ordinary = sum(key in done for key in keys)
    if ordinary:  # on stdout, which the workers of a run do not have
        kept = f"{ordinary} records are there from ordinary runs"
        click.echo(f"note: {kept}; they are not made again in deterministic mode")
