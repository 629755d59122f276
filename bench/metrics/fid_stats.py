"""FID statistics: the features of a whole data set, which FID and KID compare with.

They are computed once and cached by the hash of the list of images. The pixels behind a list may change, as
where a card's folder is replaced, so the statistics keep two hashes of them:

- The hash of all images. `make_fid_stats` compares it before it uses what is there, which costs reading every
  image.
- The hash of `SAMPLE` images. Every run writes it down and the report compares it, which costs reading these
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
"""Images, evenly spread over a list, by whose hash a run recognises the statistics of its pixels."""


def describe_fid_stats(data: Images, given: str = "") -> dict[str, Any]:
    """Describes the images that FID and KID compare with.

    Args:
        data: the images.
        given: the user's name of the data set.

    Returns:
        ``dataset``, ``list`` (its hash), ``n``, ``sample`` (a hash of the pixels of some images), and
        ``given`` where it is another name than ``dataset``.

    """
    some = [data.ids[i] for i in evenly(len(data.ids), SAMPLE)]
    listed = list_hash(data.name, getattr(data, "card_sha256", None), data.shape, data.ids)
    about = {"dataset": data.name, "list": listed, "n": len(data.ids), "sample": pixels_sha256(data, some)}
    if given not in ("", data.name):
        about["given"] = given
    return about


def pixels_sha256(
    data: Images, ids: Sequence[str], progress: Callable[[int], object] = lambda _: None
) -> str:
    """Hashes the pixels of images, in order; each is read and forgotten.

    Args:
        data: the images.
        ids: their names.
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
    """Computes the statistics of all images of a data set, unless those of the same pixels are there.

    Memory does not grow with the number of images. Features are rounded to float16, as those of
    reconstructions are.

    Args:
        data: the images.
        mode: see `bench.metrics.networks.Inception`.
        device: where the network runs.
        batch: images at once.
        progress: called with the number of images that are done.
        say: called with a line of text before statistics of other pixels are replaced.

    Returns:
        Path of the file.

    Raises:
        AssetUnavailable: the network was not fetched.
        ValueError: fewer than three images.
        StoreError: the file cannot be written.

    """
    about = describe_fid_stats(data)
    known = read_statistics(about["list"], mode)
    if known is not None and _of_these_pixels(known, data, about, progress, say):
        return statistics_path(about["list"], mode)
    if about["n"] < FEWEST:
        few = f"data set '{data.name}' has {about['n']}"
        raise ValueError(f"FID statistics need at least {FEWEST} images; {few}")
    moments, rows, pixels = _collect(data, Inception(device, mode), batch, progress)
    about |= {"mode": mode, "pixels": pixels}
    return write_statistics(Statistics(about, moments.mean, moments.covariance, rows, kernel_sums(rows)))


def _of_these_pixels(
    known: Statistics,
    data: Images,
    about: dict[str, Any],
    progress: Callable[[int], object],
    say: Callable[[str], object],
) -> bool:
    """Whether statistics are of the pixels that the data set has now; all are read only if some agree."""
    some_agree = known.about["sample"] == about["sample"]
    if some_agree and known.about["pixels"] == pixels_sha256(data, data.ids, progress):
        return True
    say(f"the statistics of {data.name} that are there are of other pixels: they are made again")
    return False


def _collect(
    data: Images, inception: Inception, batch: int, progress: Callable[[int], object]
) -> tuple[Moments, np.ndarray, str]:
    """Passes all images through the network; one batch at a time enters the moments.

    Returns:
        The moments of all features, the features of some images, (at most MOST, d) float16, and the hash of
        all pixels.

    """
    n = len(data.ids)
    kept = set(evenly(n, MOST).tolist())
    moments: Moments | None = None
    rows, pixels = [], hashlib.sha256()
    for start in range(0, n, batch):
        ids = data.ids[start : start + batch]
        for image in ids:
            pixels.update(bytes.fromhex(data.image_sha256(image)))
        features = inception(torch.stack([data.image(image) for image in ids])).cpu().numpy()
        features = features.astype(np.float16)
        if moments is None:
            moments = Moments(features.shape[1])
        moments.add(features)
        for i, row in enumerate(features, start):
            if i in kept:
                rows.append(row.copy())  # a view would keep its whole batch
        progress(moments.n)
    assert moments is not None, "there are images"
    return moments, np.stack(rows), pixels.hexdigest()
