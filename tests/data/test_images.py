"""The interface between data sets and the harness is kept by data sets of files and of closed forms."""

import hashlib
import inspect

import pytest
import torch

from bench.data import load_dataset
from bench.data.images import Images
from bench.exact.problems import ExactImages


@pytest.mark.parametrize(
    "data", [load_dataset("fashion32"), ExactImages("exact-mixture8")], ids=lambda data: data.name
)
def test_data_sets_keep_the_interface(data):
    members = {*inspect.get_annotations(Images), *(name for name in vars(Images) if not name.startswith("_"))}
    assert members == {"name", "shape", "ids", "image", "image_sha256"}
    x = data.image(data.ids[0])
    assert tuple(x.shape) == tuple(data.shape)
    assert len(bytes.fromhex(data.image_sha256(data.ids[0]))) == hashlib.sha256().digest_size
    assert torch.equal(x, data.image(data.ids[0])), "an image is the same each time"
