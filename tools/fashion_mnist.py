"""Reads Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747; MIT licence) from a folder of idx files.

The files come from the Debian package ``dataset-fashion-mnist`` or from the authors' server; the images are
the same.
"""

import gzip
import hashlib
import urllib.request
from pathlib import Path

import numpy as np

FOLDER = Path("/usr/share/datasets/fashion-mnist")
URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
SHA256 = {  # hashes of the uncompressed bytes: the package compresses them anew
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def read_idx(name: str, folder: Path) -> np.ndarray:
    """The array of an idx file, uint8; it is downloaded into ``folder`` first where it is not there.

    Raises:
        ValueError: the file's sha256 is not the published one.
    """
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        urllib.request.urlretrieve(f"{URL}/{name}", path)
    data = gzip.decompress(path.read_bytes())
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        raise ValueError(
            f"{path}: not the published file (sha256 differs); delete it or install dataset-fashion-mnist"
        )
    rank = data[3]
    shape = np.frombuffer(data, ">i4", count=rank, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def images_and_labels(split: str, folder: Path = FOLDER) -> tuple[np.ndarray, np.ndarray]:
    """Images, (N, 32, 32) uint8, zero-padded from 28 x 28, and labels, (N,) from 0 to 9.

    Args:
        split: ``train`` or ``t10k``.
    """
    images = read_idx(f"{split}-images-idx3-ubyte.gz", folder)
    return np.pad(images, ((0, 0), (2, 2), (2, 2))), read_idx(f"{split}-labels-idx1-ubyte.gz", folder)
