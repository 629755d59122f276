"""The published files of the networks: which they are, and that only arrays are read from them."""

import io
import os
import pickle
import subprocess

import numpy as np
import pytest
from torchvision.models import ResNet50_Weights

from bench.metrics.backbones import CHECKPOINTS, ArrayUnpickler


def test_the_published_file_is_torchvisions():
    assert CHECKPOINTS["resnet50"].url == ResNet50_Weights.IMAGENET1K_V1.url
    assert CHECKPOINTS["resnet50"].sha256_prefix == "0676ba61"


def test_pickles_of_anything_but_arrays_are_refused():
    for payload in (os.system, subprocess.run, np.load):
        with pytest.raises(pickle.UnpicklingError, match="no place"):
            ArrayUnpickler(io.BytesIO(pickle.dumps(payload))).load()
