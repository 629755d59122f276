"""`run`: computes what a suite lacks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.command import (
    FAILURE,
    HOW,
    OUTPUT,
    USAGE,
    WHERE,
    PictureCount,
    ShardIndex,
    at_least,
    data_root,
    device,
    fail,
    group,
    loading,
    positive,
    prior,
    progress,
    say,
    task,
    verb,
)
from bench.cli.engines import make_engine
from bench.cli.results import RESULTS, write_report
from bench.cli.running.computing import compute, print_forecast, tell_notes
from bench.names import counted

if TYPE_CHECKING:
    from bench.plan.options import Options
    from bench.plan.plan import Plan
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
    help="Only the rows with this label or method, as in dps or 'dps-*'; '!dps' means all but dps. Also one "
    "of your own: file.py, file.py:Class or pkg.mod:Class. dps.zeta=0.3,1 runs a changed copy of each row of "
    "dps instead, for each value; the values of several parameters are combined. With --solver dps beside "
    "it, the rows run as they are, too. Repeatable.",
)
@task(what)
@what(
    "--operator",
    metavar="NAME",
    help="One task with this operator and the noise of the suite's first task instead; it may be your own, "
    "pkg.mod:Class or file.py:Class.",
)
@prior(what)
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
    "--engine",
    type=click.Choice(["inline", "ray", "slurm"]),
    help="This process alone, workers of Ray (with extra [ray]), or job arrays of Slurm ([slurm]).  "
    "[default: inline; ray with --workers]",
)
@where(
    "--workers",
    metavar="N|DEVICE,...",
    default="",
    help="N workers, or one per device, as in cuda:0,cuda:1; with slurm, jobs at one time.",
)
@where("--address", metavar="HOST:PORT", default="", help="The Ray cluster to use instead of this machine.")
@where(
    "--slurm",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="An option of sbatch, as in partition=gpu, gres=gpu:1 or time=4:00:00. Repeatable.",
)
@where(
    "--shard",
    type=ShardIndex(),
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
@how(
    "--fast",
    is_flag=True,
    help="Call the network in the fastest way that a probe finds here: compiled, in a lower precision, "
    "replayed from graphs of a GPU. What gains less than a tenth is left as it is. The first probe may take "
    "minutes.",
)
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
    type=PictureCount(),
    default="first:8",
    show_default=True,
    help="Of each task and row, the images whose pictures are kept.",
)
@output(
    "--trajectory",
    is_flag=True,
    help="Keep PSNR and misfit of the estimate x0 after every step, which the report draws; of new records "
    "only.",
)
@progress()
@output("--report/--no-report", default=True, help="Render the report at the end.  [default: report]")
def run(
    suite_name: str,
    out: Path | None,
    engine: str | None,
    workers: str,
    address: str,
    parameters: tuple[str, ...],
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
    if chosen.trajectory:
        check_trajectory(suite)
    who = make_engine(engine, workers, address, parameters, chosen)
    folder = out or RESULTS / suite.name
    with mode(chosen):
        plan = prepare(suite, chosen if dry_run else who.planned(chosen))
        tell_notes(plan)
        if dry_run:
            print_forecast(plan, folder)
            return
        if sized:
            plan = fitting_batch(plan)
        lost = compute(plan, folder, progress, who)
    if report:
        click.echo(f"\nreport: {write_reports(folder)}")
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


def write_reports(folder: Path) -> str:
    """Renders the report of a run in every format; the paths of its pages."""
    from bench.report import ALL_FORMATS

    page = write_report([folder], folder / "report", ALL_FORMATS)
    return f"{page} and {page.with_suffix('.html')}"


def check_trajectory(suite: "Suite") -> None:
    """Refuses --trajectory where all tasks score sets of samples, which have no estimate per image."""
    if all(task.samples_per_problem or suite.samples_per_problem for task in suite.tasks):
        reason = f"suite '{suite.name}' scores sets of samples, not the estimate of an image"
        raise click.UsageError(f"--trajectory: {reason}; leave it out, or take another suite")


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
