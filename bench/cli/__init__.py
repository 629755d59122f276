"""The verbs: parse, call, print, return an exit code. Nothing heavy is imported before a verb needs it."""

import click

from bench.cli.assets import doctor, fetch, fid_stats
from bench.cli.methods import certify, check, list_
from bench.cli.report import report
from bench.cli.run import run
from bench.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="diffusion-inverse-bench", prog_name="bench")
def cli() -> None:
    """Compares diffusion-model solvers of inverse problems: the same measurements for all, counted cost,
    paired statistics.
    """


for verb in (run, report, verify, list_, doctor, fetch, fid_stats, check, certify):
    cli.add_command(verb)


def main(name: str = "bench") -> None:
    """Entry point of the console script."""
    cli(prog_name=name)
