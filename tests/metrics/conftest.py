"""Shared by the tests of metrics: a pair of images, and a classifier whose weights are at hand."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torchvision.models import resnet50

from bench.metrics import checkpoints
from bench.metrics.backbones import CHECKPOINTS


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    """An untrained network of the right architecture, as a file."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = resnet50().eval()
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.save(network.state_dict(), path)
    return path, network


@pytest.fixture
def untrained_resnet50(random_weights, monkeypatch, tmp_path):
    """That file as the user's, under a published name whose digits fit it; nothing else to find it by."""
    path, network = random_weights
    url = f"http://127.0.0.1:9/resnet50-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"
    changed = dataclasses.replace(CHECKPOINTS["resnet50"], url=url)
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", {"resnet50": changed})
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("BENCH_RESNET50", str(path))
    return path, network, changed


@pytest.fixture
def pair():
    """Smooth images that leave [-1, 1] here and there, and a noisy version, 3 x (3, 32, 40)."""
    rng = np.random.default_rng(0)
    x = gaussian_filter(rng.standard_normal((3, 3, 32, 40)), (0, 0, 2, 2)) * 5
    return torch.tensor(x + 0.2 * rng.standard_normal(x.shape)).float(), torch.tensor(x).float()
