"""Reference statistics for FID and KID: the features of a whole data set, computed once and cached by the
hash of its list.

The pixels behind a list may change, as where a card's folder is another one. Statistics keep two hashes of
them: of all images, which `make_fid_stats` compares before it uses what is there, at the cost of reading
every image; and of some, which every run writes down and the report compares, at the cost of reading `SAMPLE`
images.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.images import Images
from bench.metrics.networks import Device, Inception
from bench.stats.distances import MOST, kernel_sums
from bench.stats.features import (
    Moments,
    Statistics,
    evenly,
    list_hash,
    read_statistics,
    statistics_path,
    write_statistics,
)

FEWEST = 3
"""Images that a covariance and an unbiased kernel distance need."""
SAMPLE = 32
"""Images, evenly spread over a list, by which a run knows the statistics that are of its pixels."""


def describe_fid_stats(data: Images, given: str = "") -> dict[str, Any]:
    """Which images a reference set has, and how the user names it, if otherwise.

    ``dataset``, ``list`` (its hash), ``n``, and ``sample``, a hash of the pixels of some of them.
    """
    some = [data.ids[i] for i in evenly(len(data.ids), SAMPLE)]
    listed = list_hash(data.name, getattr(data, "card_sha256", None), data.shape, data.ids)
    about = {"dataset": data.name, "list": listed, "n": len(data.ids), "sample": pixels_sha256(data, some)}
    return about | ({"given": given} if given not in ("", data.name) else {})


def pixels_sha256(
    data: Images, ids: Sequence[str], progress: Callable[[int], object] = lambda _: None
) -> str:
    """Of the pixels of images, in order; each is read and forgotten.

    Args:
        progress: called with the number of images that are done.

    """
    found = hashlib.sha256()
    for k, image in enumerate(ids, 1):
        found.update(bytes.fromhex(data.image_sha256(image)))
        progress(k)
    return found.hexdigest()


def make_fid_stats(
    data: Images,
    mode: str,
    device: Device = "cpu",
    batch: int = 32,
    progress: Callable[[int], object] = lambda _: None,
    say: Callable[[str], object] = lambda _: None,
) -> Path:
    """The file of the statistics of all images of a data set; computed unless it is there and of the same
    pixels.

    Memory does not grow with the number of images: one batch at a time enters the moments, and at most
    `bench.stats.distances.MOST` rows are kept for the KID. Features are rounded to float16 first, as those of
    reconstructions are.

    Args:
        data: the images.
        mode: see `bench.metrics.networks.Inception`.
        device: where the network runs.
        batch: images at once.
        progress: called with the number of images that are done.
        say: called with a line of text where what was there is of other pixels.

    Raises:
        AssetUnavailable: the network was not fetched.
        ValueError: fewer than three images.
        StoreError: the file cannot be written.

    """
    about = describe_fid_stats(data)
    if known := read_statistics(about["list"], mode):
        if known.about["sample"] == about["sample"] and known.about["pixels"] == pixels_sha256(
            data, data.ids, progress
        ):
            return statistics_path(about["list"], mode)
        say(f"the statistics of {data.name} that are there are of other pixels: they are made again")
    n = about["n"]
    if n < FEWEST:
        raise ValueError(
            f"reference statistics need at least {FEWEST} images; data set '{data.name}' has {n}"
        )
    inception, kept, rows = Inception(device, mode), set(evenly(n, MOST).tolist()), []
    moments, pixels = None, hashlib.sha256()
    for start in range(0, n, batch):
        ids = data.ids[start : start + batch]
        for image in ids:
            pixels.update(bytes.fromhex(data.image_sha256(image)))
        features = (
            inception(torch.stack([data.image(image) for image in ids])).cpu().numpy().astype(np.float16)
        )
        moments = moments or Moments(features.shape[1])
        moments.add(features)
        rows += [
            row.copy() for i, row in enumerate(features, start) if i in kept
        ]  # a view would keep its whole batch
        progress(moments.n)
    about |= {"mode": mode, "pixels": pixels.hexdigest()}
    stacked = np.stack(rows)
    return write_statistics(
        Statistics(about, moments.mean, moments.covariance, stacked, kernel_sums(stacked))
    )
