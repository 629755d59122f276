"""`fetch`: what has to be downloaded once."""

import time
from collections.abc import Callable
from pathlib import Path

import click

from bench.cli.errors import plain_errors

QUIET = 5.0
"""Seconds between two lines about a transfer."""


@click.command()
@click.argument("what", type=click.Choice(["metrics", "priors"]))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--from", "source", type=click.Path(path_type=Path), help="A local copy, or a folder of them: no download.")
@plain_errors
def fetch(what: str, names: tuple[str, ...], source: Path | None) -> None:
    """Fetches and verifies what has to be there once: networks of the metrics (156 MB), or the weights of priors.

    A download that breaks off goes on where it stopped when the command is given again.
    """
    {"metrics": fetch_metrics, "priors": fetch_priors}[what](names, source)


def fetch_metrics(names: tuple[str, ...], source: Path | None) -> None:
    """The networks of LPIPS, FID and KID."""
    from bench.assets import fetch_metrics

    if names or source:
        raise click.UsageError("fetch metrics takes neither names nor --from; BENCH_LPIPS_ALEX etc. name local files")
    for name, path in fetch_metrics(say).items():
        click.echo(f"{name}: {path}")


def fetch_priors(names: tuple[str, ...], source: Path | None) -> None:
    """The weights of some priors."""
    from bench.priors import fetch_prior, list_priors

    if not names:
        raise click.UsageError(f"which ones? known: {', '.join(list_priors())}, or the path of a card (.toml)")
    if source is not None and len(names) > 1 and not source.is_dir():
        raise click.UsageError("--from FILE goes with one name")
    for name in names:
        for path in fetch_prior(name, source, say, transfer):
            click.echo(f"{name}: {path}")


def say(line: str) -> None:
    """On stderr, apart from the results."""
    click.echo(line, err=True)


def transfer(name: str) -> Callable[[int, int | None], None]:
    """Says now and then how far a download is."""
    last = time.monotonic()

    def progress(done: int, total: int | None) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > QUIET:
            last = time.monotonic()
            say(f"{name}: {done / 1e6:.0f}" + (f" of {total / 1e6:.0f} MB, {done / total:.0%}" if total else " MB"))

    return progress
