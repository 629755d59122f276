"""`fetch`: what has to be downloaded once."""

import click

from bench.cli.errors import plain_errors


@click.command()
@click.argument("what", type=click.Choice(["metrics"]))
@plain_errors
def fetch(what: str) -> None:  # noqa: ARG001 - there is one choice so far
    """Fetches and verifies the networks of LPIPS, FID and KID (156 MB), once."""
    from bench.assets import fetch_metrics

    for name, path in fetch_metrics(lambda line: click.echo(line, err=True)).items():
        click.echo(f"{name}: {path}")
