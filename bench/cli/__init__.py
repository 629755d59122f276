"""The verbs: parse, call, print, return an exit code. Nothing heavy is imported before a verb needs it."""

import atexit
import gc

import click

from bench.cli.assets import doctor, fetch, fid_stats
from bench.cli.folders.compare import compare
from bench.cli.folders.export import export
from bench.cli.folders.merge import merge
from bench.cli.methods import certify, check, list_
from bench.cli.planning.verbs import plan, probe
from bench.cli.results import report, verify
from bench.cli.run import run
from bench.cli.running.allocation import keep_freed_memory
from bench.cli.running.waiting import wait_shortly
from bench.cli.tuning.tune import tune

VERBS = (
    *(run, plan, probe, report, compare, merge, export, verify, tune),
    *(list_, check, certify, doctor, fetch, fid_stats),
)


class Verbs(click.Group):
    """The commands, listed in the order of `VERBS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="diffusion-inverse-bench", prog_name="bench")
def cli() -> None:
    """Compares diffusion-model solvers of inverse problems.

    All solvers get the same measurements; their cost is counted, and statistics are paired. `python -m bench
    VERB --help` shows the options of a verb and examples.
    """


for _verb in VERBS:
    cli.add_command(_verb)


def main(name: str = "bench") -> None:
    """Entry point of the console script."""
    keep_freed_memory()
    wait_shortly()
    atexit.register(gc.freeze)  # a last search for garbage takes a third of a second
    cli(prog_name=name)
