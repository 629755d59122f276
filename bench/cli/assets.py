"""`fetch`, `doctor`: what has to be there, and whether it is."""

import time
from collections.abc import Callable
from pathlib import Path

import click

from bench.cli.errors import FAILURE, fail, plain_errors

DATA_ROOT = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where your ImageNet or FFHQ images are.  [default: BENCH_IMAGENET, BENCH_FFHQ or BENCH_DATA]",
)

QUIET = 5.0
"""Seconds between two lines about a transfer."""


@click.command()
@click.argument("what", type=click.Choice(["classifier", "lists", "metrics", "priors"]))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="A local copy, or a folder of them: no download.",
)
@DATA_ROOT
@plain_errors
def fetch(what: str, names: tuple[str, ...], source: Path | None, data_root: Path | None) -> None:
    """Fetches and verifies what has to be there once.

    Networks of the metrics (156 MB), the classifier of the top-1 accuracy (98 MB), the weights of priors, or
    lists of images of data sets. A download that breaks off goes on
    where it stopped when the command is given again.
    """
    if what == "lists":
        fetch_lists(names, source, data_root)
    else:
        {"classifier": fetch_classifier, "metrics": fetch_metrics, "priors": fetch_priors}[what](
            names, source
        )


def fetch_metrics(names: tuple[str, ...], source: Path | None) -> None:
    """The networks of LPIPS, FID and KID."""
    from bench.metrics.assets import fetch_metrics

    if names or source:
        raise click.UsageError(
            "fetch metrics takes neither names nor --from; BENCH_LPIPS_ALEX etc. name local files"
        )
    for name, path in fetch_metrics(say).items():
        click.echo(f"{name}: {path}")


def fetch_classifier(names: tuple[str, ...], source: Path | None) -> None:
    """The network of the top-1 accuracy."""
    from bench.metrics.checkpoints import fetch_checkpoint, variable

    if names or source:
        raise click.UsageError(
            f"fetch classifier takes neither names nor --from; {variable('resnet50')} names a local file"
        )
    click.echo(f"resnet50: {fetch_checkpoint('resnet50', say)}")


def fetch_priors(names: tuple[str, ...], source: Path | None) -> None:
    """The weights of some priors."""
    from bench.priors import fetch_prior, list_priors

    if not names:
        raise click.UsageError(
            f"which ones? known: {', '.join(list_priors())}, or the path of a card (.toml)"
        )
    if source is not None and len(names) > 1 and not source.is_dir():
        raise click.UsageError("--from FILE goes with one name")
    for name in names:
        for path in fetch_prior(name, source, say, transfer):
            click.echo(f"{name}: {path}")


def fetch_lists(names: tuple[str, ...], source: Path | None, root: Path | None) -> None:
    """The lists of some data sets, by default of all; one that cannot be had does not keep the others from
    being fetched.
    """
    from bench.data import ListUnavailable, card_path, fetch_list, which_list, with_lists

    if source is not None and not source.is_dir():
        names = names or which_list(source)
        if len(names) > 1:
            raise click.UsageError("--from FILE goes with one name")
    lost = []
    for name in names or with_lists():
        try:
            click.echo(f"{name}: {fetch_list(card_path(name), root, source, say)}")
        except ListUnavailable as error:
            lost.append(str(error))
    if lost:
        fail("\n".join(lost), FAILURE)


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
            say(
                f"{name}: {done / 1e6:.0f}"
                + (f" of {total / 1e6:.0f} MB, {done / total:.0%}" if total else " MB")
            )

    return progress


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@DATA_ROOT
@plain_errors
def doctor(names: tuple[str, ...], data_root: Path | None) -> None:
    """Says what is here, what is missing and what to do about it: data sets, priors, networks, files of
    operators, devices.

    With the NAME of some, only of those; the exit code is then 1 if one cannot be used.
    """
    from bench.cli.doctor import examine

    unusable = 0
    for finding in examine(names, data_root):
        click.echo(finding)
        unusable += finding.state not in {"ok", "note"}
    if names and unusable:
        fail(f"{unusable} of {len(names)} cannot be used", FAILURE)


@click.command("fid-stats")
@click.option("--dataset", metavar="NAME|FILE", required=True, help="A data set, or the path of a card.")
@click.option(
    "--mode",
    type=click.Choice(["legacy_pytorch", "clean"]),
    default="legacy_pytorch",
    show_default=True,
    help="How images come to 299 px.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option(
    "--batch", type=click.IntRange(1), metavar="N", default=32, show_default=True, help="Images at once."
)
@DATA_ROOT
@plain_errors
def fid_stats(dataset: str, mode: str, device: str, batch: int, data_root: Path | None) -> None:
    """Computes the Inception statistics of a whole data set, for suites that name it in `fid_stats`; cached
    by its list.
    """
    from bench.data import load_dataset
    from bench.metrics.fid_stats import make_fid_stats
    from bench.system.device import get_device

    data = load_dataset(dataset, data_root)
    said: list[str] = []
    with click.progressbar(
        length=len(data.ids), label=f"{data.name}, {mode}", file=click.get_text_stream("stderr")
    ) as bar:
        path = make_fid_stats(
            data, mode, get_device(device), batch, lambda n: bar.update(n - bar.pos), said.append
        )
    for line in said:
        click.echo(line, err=True)
    click.echo(path)
