"""The verbs: parse, call, print, return an exit code. Nothing heavy is imported before a verb needs it.

Exit codes: 0 all done; 1 something could not be computed, read or written; 2 the request does not make sense; 130 Ctrl-C.
"""

import functools
import shlex
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

RESULTS = Path("results")
USAGE, FAILURE, INTERRUPTED = 2, 1, 130
EXPECTED = {
    "SuiteError": USAGE,
    "DataError": USAGE,
    "PriorError": USAGE,
    "DeviceError": USAGE,
    "AssetUnavailable": FAILURE,
    "OSError": FAILURE,
}
"""Errors that say all there is to say, by name, since most of their modules import torch; with their exit codes."""


def main(name: str = "bench") -> None:
    """Entry point of the console script."""
    cli(prog_name=name)


def plain_errors(verb: Callable) -> Callable:
    """Turns the errors that a user can cause into lines on stderr and an exit code; others keep their traceback."""

    @functools.wraps(verb)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            verb(*args, **options)
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except Exception as error:
            codes = [EXPECTED[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in EXPECTED]
            if not codes:
                raise
            fail(str(error), codes[0])

    return wrapped


def fail(message: str, code: int) -> NoReturn:
    """Prints the message and leaves."""
    click.echo("\n".join(f"error: {line}" for line in message.splitlines()), err=True)
    sys.exit(code)


class Shard(click.ParamType):
    """i/n -> (i, n)."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="diffusion-inverse-bench", prog_name="bench")
def cli() -> None:
    """Compares diffusion-model solvers of inverse problems: the same measurements for all, counted cost, paired statistics."""


@cli.command()
@click.option(
    "--suite", "suite_name", metavar="NAME|FILE", default="demo", show_default=True, help="See `list`, or your .yaml."
)
@click.option(
    "--solver", "solvers", metavar="NAME[.param=value]", multiple=True, help="Row, solver, pkg.mod:Class or file.py:Class."
)
@click.option("--task", "tasks", metavar="NAME", multiple=True, help="Only this task of the suite. Repeatable, like --solver.")
@click.option("--prior", metavar="NAME|FILE", help="Another prior than the suite's.")
@click.option("--dataset", metavar="NAME|FILE", help="Another data set than the suite's.")
@click.option("--images", type=click.IntRange(1), metavar="N", help="Another number of images, for every row.")
@click.option("--samples", type=click.IntRange(1), metavar="K", help="Reconstructions per image.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Another root seed of all random streams.")
@click.option("--batch", type=click.IntRange(1), metavar="N", default=8, show_default=True, help="Images solved together.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--dtype", type=click.Choice(["float32", "float64", "bfloat16"]), default="float32", show_default=True)
@click.option("--time-limit", type=click.FloatRange(0, min_open=True), metavar="S", help="Seconds per image and solver.")
@click.option("--shard", type=Shard(), default="1/1", help="Only the i-th of n parts of the images; parts merge in one folder.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder.  [default: results/<suite>]")
@click.option("--retry", is_flag=True, help="Run again what failed or ran out of memory or time.")
@click.option(
    "--dry-run", is_flag=True, help="Say what is missing and, after a few trial steps, how long it takes; write nothing."
)
@click.option(
    "--save-images", "pictures", type=Pictures(), default="first:8", show_default=True, help="Pictures to keep, by cell."
)
@click.option("--progress", type=click.Choice(["auto", "rich", "plain", "none"]), default="auto", show_default=True)
@click.option("--report/--no-report", default=True, help="Render the report at the end.  [default: report]")
@plain_errors
def run(
    suite_name: str,
    solvers: tuple[str, ...],
    tasks: tuple[str, ...],
    out: Path | None,
    dry_run: bool,
    progress: str,
    report: bool,
    **options: Any,
) -> None:
    """Runs what a suite lacks: measure, solve, score, record.

    Whatever is recorded in the run folder is not computed again, so a run that was stopped goes on where it was.
    """
    from bench.runner import Options, prepare
    from bench.suites import load_suite, override
    from solvers import SOLVERS

    changes = {name: options.pop(name) for name in ("prior", "dataset", "images", "samples", "seed")}
    suite = override(load_suite(suite_name), solvers, tasks, list(SOLVERS), **changes)
    folder = out or RESULTS / suite.name
    limit = options.pop("time_limit")
    plan = prepare(suite, Options(limit=limit, **options))
    if dry_run:
        from bench.records import read_records
        from bench.summary import forecast, forecast_table

        click.echo(forecast_table(forecast(plan, read_records(folder)[0])))
        return
    lost = compute(plan, folder, progress)
    if report:
        click.echo(f"\nreport: {write_report([folder], folder / 'report')}")
    if lost:
        what = ", ".join(f"{n} {status}" for status, n in lost.items())
        fail(f"{what}; the reasons are above and in {folder}; --retry runs them again", FAILURE)


def compute(plan: Any, folder: Path, progress: str) -> dict[str, int]:
    """Runs a plan and prints the scores of its cells; how many of their reconstructions are lost, by status."""
    from bench.progress import make_observer
    from bench.records import DONE, read_records
    from bench.runner import Runner
    from bench.summary import score_table

    past, damaged = read_records(folder)
    if damaged:
        click.echo(f"warning: {damaged} damaged journal lines in {folder} are ignored", err=True)
    runner = Runner(plan, folder, make_observer(progress, past), shlex.join(["python", "-m", "bench", *sys.argv[1:]]))
    try:
        runner.run()
    except KeyboardInterrupt:
        fail(f"interrupted; {sum(runner.counts.values())} new records are kept in {folder}: run again to go on", INTERRUPTED)
    records, cells = read_records(folder)[0], {cell.id for cell in plan.cells}
    click.echo(score_table(plan.cells, records))
    for metric, reason in runner.scorer.unavailable.items():
        click.echo(f"{metric} is unavailable: {reason}")
    return Counter(record.status for record in records if record.cell in cells and record.status not in DONE)


def write_report(folders: list[Path], out: Path) -> Path:
    """Renders the report; its page."""
    from bench.report import render

    return render(folders, out)[0]


@cli.command()
@click.option("--suite", "suites", metavar="NAME|FILE", multiple=True, help="The run in results/<suite>. Repeatable.")
@click.option(
    "--from", "folders", type=click.Path(path_type=Path), metavar="DIR", multiple=True, help="A run folder. Repeatable."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="[default: report/ in the first run folder]")
@plain_errors
def report(suites: tuple[str, ...], folders: tuple[Path, ...], out: Path | None) -> None:
    """Renders tables and figures from records; several run folders are put together."""
    chosen = [*(run_folder(suite) for suite in suites), *folders]
    if not chosen:
        raise click.UsageError("nothing to report on: give --suite NAME or --from DIR")
    try:
        click.echo(write_report(chosen, out or chosen[0] / "report"))
    except ValueError as error:
        fail(str(error), FAILURE)


def run_folder(suite: str) -> Path:
    """Where `run` puts a suite, given by name or by the path of a file, which need not be there any more."""
    if not Path(suite).is_file():
        return RESULTS / suite
    from bench.suites import load_suite

    return RESULTS / load_suite(suite).name


@cli.command("list")
@plain_errors
def list_() -> None:
    """Lists suites, priors and data sets, and solvers x operators with the reason for every gap."""
    from bench.catalogue import catalogue

    click.echo(catalogue())


@cli.command()
@click.argument("what", type=click.Choice(["metrics"]))
@plain_errors
def fetch(what: str) -> None:  # noqa: ARG001 - there is one choice so far
    """Fetches and verifies the networks of LPIPS, FID and KID (156 MB), once."""
    from bench.assets import fetch_metrics

    for name, path in fetch_metrics(lambda line: click.echo(line, err=True)).items():
        click.echo(f"{name}: {path}")


@cli.command()
@click.argument("spec", metavar="SOLVER")
@plain_errors
def check(spec: str) -> None:
    """Checks a solver (a name, pkg.mod:Class, file.py:Class or file.py) against the contract of all solvers."""
    from bench.contract import check as promises
    from bench.solver_loading import load_solver

    results = promises(load_solver(spec).cls)
    for promise in results:
        click.echo(f"{'broken' if promise.broken else 'kept':8}{promise.says}")
        if promise.broken:
            click.echo(f"        -> {promise.broken}")
    broken = sum(promise.broken is not None for promise in results)
    if broken:
        fail(f"{spec} breaks {broken} of {len(results)} promises", FAILURE)


@cli.command()
@click.argument("solvers", metavar="[SOLVER]...", nargs=-1)
@plain_errors
def certify(solvers: tuple[str, ...]) -> None:
    """Measures our solvers against closed-form laws on Gaussian priors: each law, its error and its tolerance."""
    from bench.certify import LAWS, run_laws
    from bench.suites.yamlfile import nearest

    for name in solvers:
        if name not in LAWS:
            fail(f"no laws for '{name}'{nearest(name, LAWS)}", USAGE)
    broken = 0
    for name in solvers or LAWS:
        click.echo(f"{name}")
        for result in run_laws(name):
            broken += not result.passed
            verdict = "holds " if result.passed else "BROKEN"
            click.echo(f"  {verdict} {result.error:7.0e} <= {result.law.tolerance:.0e}  {result.law.name}")
    if broken:
        fail(f"{broken} laws are broken", FAILURE)
