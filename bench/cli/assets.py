"""`fetch`, `doctor`, `fid-stats`: what has to be there once, and whether it is."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from bench.cli.command import FAILURE, HOW, at_least, data_root, device, fail, group, say, verb

what, how = group("What to fetch"), group(HOW)

QUIET = 5.0
"""Seconds between two lines about a transfer."""


@verb(
    "fetch",
    "fetch metrics",
    "fetch priors ffhq256_uncond",
    "fetch lists imagenet_dgp1k --from downloads/dgp_top1k.txt",
)
@click.argument("what", type=click.Choice(["classifier", "lists", "metrics", "priors"]))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@what(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A local copy, or a folder of them, instead of a download.",
)
@data_root()
def fetch(what: str, names: tuple[str, ...], source: Path | None, data_root: Path | None) -> None:
    """Fetches and verifies what has to be there once.

    These are "metrics" (the networks of LPIPS, FID and KID, 156 MB), "classifier" (the network of the top-1
    accuracy, 98 MB), "priors" (the weights of the priors NAME) and "lists" (the lists of images of the data
    sets NAME, by default of all). A download that breaks off goes on where it stopped when the command is
    given again.
    """
    if what == "lists":
        fetch_lists(names, source, data_root)
    elif what == "priors":
        fetch_priors(names, source)
    elif what == "classifier":
        fetch_classifier(names, source)
    else:
        fetch_metrics(names, source)


def fetch_metrics(names: tuple[str, ...], source: Path | None) -> None:
    """Fetches the networks of LPIPS, FID and KID."""
    from bench.metrics.assets import fetch_metrics

    if names or source:
        raise click.UsageError(
            "fetch metrics takes neither names nor --from; BENCH_LPIPS_ALEX etc. name local files"
        )
    for name, path in fetch_metrics(say).items():
        click.echo(f"{name}: {path}")


def fetch_classifier(names: tuple[str, ...], source: Path | None) -> None:
    """Fetches the network of the top-1 accuracy."""
    from bench.metrics.checkpoints import fetch_checkpoint, variable

    if names or source:
        raise click.UsageError(
            f"fetch classifier takes neither names nor --from; {variable('resnet50')} names a local file"
        )
    click.echo(f"resnet50: {fetch_checkpoint('resnet50', say)}")


def fetch_priors(names: tuple[str, ...], source: Path | None) -> None:
    """Fetches the weights of some priors."""
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
    """Fetches the lists of some data sets, by default of all.

    One that cannot be had does not keep the others from being fetched.
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


def transfer(name: str) -> Callable[[int, int | None], None]:
    """A callback that says now and then how far a download is."""
    last = time.monotonic()

    def progress(done: int, total: int | None) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > QUIET:
            last = time.monotonic()
            share = f" of {total / 1e6:.0f} MB, {done / total:.0%}" if total else " MB"
            say(f"{name}: {done / 1e6:.0f}{share}")

    return progress


@verb("doctor", "doctor", "doctor fashion32 inception", "doctor imagenet_dgp1k --data-root /data/imagenet")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@data_root()
def doctor(names: tuple[str, ...], data_root: Path | None) -> None:
    """Says what is here, what is missing and what to do about it.

    It looks at data sets, priors, networks of metrics, files of operators and devices. With NAMES it looks
    only at those, and exits with 1 if one of them cannot be used.
    """
    from bench.cli.doctor import examine

    unusable = 0
    for finding in examine(names, data_root):
        click.echo(finding)
        unusable += finding.state not in {"ok", "note"}
    if names and unusable:
        fail(f"{unusable} of {len(names)} cannot be used", FAILURE)


@verb(
    "fid-stats",
    "fid-stats --dataset ffhq_1k --data-root /data/ffhq",
    "fid-stats --dataset imagenet_palette10k --device cuda --batch 128",
    "fid-stats --dataset my_images.toml --mode clean",
)
@how("--dataset", metavar="NAME|FILE", required=True, help="A data set, or the path of a card.")
@how(
    "--mode",
    type=click.Choice(["legacy_pytorch", "clean"]),
    default="legacy_pytorch",
    show_default=True,
    help="How images are resized to 299 px.",
)
@how(
    "--batch",
    type=at_least(1),
    metavar="N",
    default=32,
    show_default=True,
    help="Images that are computed together.",
)
@device()
@data_root()
def fid_stats(dataset: str, mode: str, device: str, batch: int, data_root: Path | None) -> None:
    """Computes the Inception statistics of a whole data set.

    FID and KID of suites that name the data set in `fid_stats` compare with these. They are kept in the
    cache, under the data set's list of images.
    """
    from bench.data import load_dataset
    from bench.metrics.fid_stats import make_fid_stats
    from bench.system.device import get_device

    data = load_dataset(dataset, data_root)
    said: list[str] = []
    label = f"{data.name}, {mode}"
    with click.progressbar(length=len(data.ids), label=label, file=sys.stderr) as bar:

        def show(done: int) -> None:
            bar.update(done - bar.pos)

        path = make_fid_stats(data, mode, get_device(device), batch, show, said.append)
    for line in said:
        say(line)
    click.echo(path)
