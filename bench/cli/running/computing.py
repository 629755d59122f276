"""What `run` does with a plan: forecast or compute it, and tell what its user should know."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.command import command_line, fail, say
from bench.cli.engines import Engine, exit_code
from bench.names import counted

if TYPE_CHECKING:
    from bench.plan.plan import Plan
    from bench.records.journal import History
    from bench.records.record import AnyRecord
    from bench.run.runner import Runner


def print_forecast(plan: "Plan", folder: Path) -> None:
    """Prints what a run would compute and how long it would take."""
    from bench.cli.tables import forecast_table
    from bench.forecast.dry_run import forecast
    from bench.records.journal import History, in_order
    from bench.records.lines import BriefReader

    past = in_order(History(folder, BriefReader()).records)
    tell_other_versions(plan, past)
    click.echo(forecast_table(forecast(plan, past)))


def compute(plan: "Plan", folder: Path, progress: str, engine: Engine) -> Counter[str]:
    """Runs a plan and prints the scores of its cells; how many reconstructions are lost, by status."""
    from bench.cli.progress import make_observer
    from bench.cli.tables import below_baseline, score_table
    from bench.records.files import check_run_folder, remove_leftovers
    from bench.records.journal import History, in_order
    from bench.records.lines import BriefReader
    from bench.records.record import DONE
    from bench.run.runner import Runner

    remove_leftovers(folder)
    history = History(folder, BriefReader())
    past = history.records
    if history.damaged:
        tell_damaged(history)
    tell_other_versions(plan, past)
    command = command_line(sys.argv[1:])
    runner = Runner(plan, folder, make_observer(progress, past), command, history)
    tell_ordinary_records(runner, past)
    tell_without_trajectory(runner, past)
    tell_empty_shard(plan)
    try:
        engine.run(runner)
    except KeyboardInterrupt as stop:
        history.new()
        new = len(history.records) - len(past)
        fail(
            f"interrupted; {new} new records are kept in {folder}: run again to go on",
            exit_code(stop),
        )
    check_run_folder(folder)  # it may have been deleted meanwhile
    history.new()
    cells = {cell.id for cell in plan.cells}
    records = in_order(record for record in history.records if record.cell in cells)
    click.echo(score_table(plan.cells, records))
    for line in below_baseline(plan.cells, records):
        say(line)
    for metric, reason in runner.scorer.unavailable.items():
        click.echo(f"{metric} is unavailable: {reason}")
    return Counter(record.status for record in records if record.status not in DONE)


def tell_damaged(history: "History[Any]") -> None:
    """Prints how many lines of which journals are damaged, and what becomes of what they recorded."""
    first, *others = history.damaged_in
    where = f"{first} and {len(others)} more" if others else str(first)
    lines, it = counted(history.damaged, "damaged journal line"), "it" if history.damaged == 1 else "they"
    say(f"warning: {lines} ignored, in {where}; what {it} recorded is computed again")


def tell_notes(plan: "Plan") -> None:
    """Prints what the data sets have to say: files left out, and photographs that lose their colours."""
    data = {id(cell.data): cell.data for cell in plan.cells}
    for one in data.values():
        for note in getattr(one, "notes", ()):
            say(note)


def tell_other_versions(plan: "Plan", past: Sequence["AnyRecord"]) -> None:
    """Prints a line for each row and operator of a user that has records of another version of its code."""
    from bench.plan.other_versions import other_versions

    for note in other_versions(plan.cells, past):
        click.echo(f"note: {note}; they are kept and not used")


def tell_empty_shard(plan: "Plan") -> None:
    """Prints that a shard has no image, where there are more shards than images."""
    (i, n), images = plan.options.shard, max(len(cell.images) for cell in plan.cells)
    if i > images:
        say(f"note: shard {i}/{n} has none of the {counted(images, 'image')}; there is nothing to do")


def tell_ordinary_records(runner: "Runner", past: Sequence["AnyRecord"]) -> None:
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


def tell_without_trajectory(runner: "Runner", past: Sequence["AnyRecord"]) -> None:
    """Prints how many reconstructions of a plan that asks for trajectories are there without one."""
    from bench.records.objects import find_file

    plan, objects = runner.plan, [runner.folder / "objects"]
    if not plan.options.trajectory:
        return
    done, without = runner.done(record for record in past if record.status == "ok"), 0
    for cell in plan.cells:
        for job in plan.missing(cell, set()) if cell.samples_per_problem == 1 else ():
            if job.key in done and find_file(objects, f"trajectory/{job.key}.npz") is None:
                without += 1
    if without:
        kept = f"{counted(without, 'record')} without a trajectory, which a run does not make again"
        click.echo(f"note: {kept}; another --out makes all anew")
