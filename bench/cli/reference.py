"""`reference`: statistics of a data set that FID and KID are measured against, computed once."""

from pathlib import Path

import click

from bench.cli.assets import DATA_ROOT
from bench.cli.errors import plain_errors


@click.command()
@click.option("--dataset", metavar="NAME|FILE", required=True, help="A data set, or the path of a card.")
@click.option(
    "--mode",
    type=click.Choice(["legacy_pytorch", "clean"]),
    default="legacy_pytorch",
    show_default=True,
    help="How images come to 299 px.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--batch", type=click.IntRange(1), metavar="N", default=32, show_default=True, help="Images at once.")
@DATA_ROOT
@plain_errors
def reference(dataset: str, mode: str, device: str, batch: int, data_root: Path | None) -> None:
    """Computes the Inception statistics of a whole data set, for suites that name it as their reference; cached by its list."""
    from bench.data import load_dataset
    from bench.environment import get_device
    from bench.reference import make_reference

    data = load_dataset(dataset, data_root)
    said: list[str] = []
    with click.progressbar(length=len(data.ids), label=f"{data.name}, {mode}", file=click.get_text_stream("stderr")) as bar:
        path = make_reference(data, mode, get_device(device), batch, lambda n: bar.update(n - bar.pos), said.append)
    for line in said:
        click.echo(line, err=True)
    click.echo(path)
