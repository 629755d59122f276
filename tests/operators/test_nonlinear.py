"""Clipped exposure and phase retrieval against numpy; the learned blur and its file."""

import numpy as np
import pytest
import torch

from bench.operators import bkse, make_operator
from bench.operators import nonlinear as learned
from bench.operators.bkse import BlurNetwork
from bench.operators.nonlinear import BlurNonlinear
from bench.plan.task import Task
from bench.run.inputs import measure
from tests.operators.samples import SHAPE, close, images
from tests.suites.test_suite import FakeData
from tests.supplied import blur_network, blur_nonlinear

pytestmark = pytest.mark.usefixtures("no_files")


@pytest.fixture
def small(monkeypatch):
    """The published network, made small."""
    bkse.published_network.cache_clear()
    monkeypatch.setattr(bkse, "BlurNetwork", lambda: BlurNetwork(nf=2, front=1, back=1))
    yield
    bkse.published_network.cache_clear()


def save(path, monkeypatch, state):
    torch.save(state, path)
    monkeypatch.setenv(learned.VARIABLE, str(path))


def test_nonlinear():
    x = images()
    close(make_operator("hdr", SHAPE, [0, 1])(x), np.clip(2 * x.numpy(), -1, 1), 0)
    A = make_operator("phase_retrieval", SHAPE, [0, 1])
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (8, 8), (6, 6)))
    axes = {"axes": (-2, -1)}
    y = np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(padded, **axes), norm="ortho"), **axes))
    close(A(x), y)
    back = np.abs(np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(y, **axes), norm="ortho"), **axes))
    close(A.guess(A(x)), back[..., 8:-8, 6:-6].clip(-1, 1))
    assert torch.isfinite(A.vjp(torch.zeros_like(x))[1](A(x))).all()
    assert A.display(A(x)).max() == 1


class Black(FakeData):
    """One image, the same for every file of weights."""

    shape = (3, 128, 128)

    def image(self, image):
        return torch.zeros(self.shape)


def test_blur_through_a_file(small, tmp_path, monkeypatch):
    """The file's weights are what blurs; other weights blur otherwise, and another key says so."""
    x = 0.4 * torch.randn(2, 3, 128, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    results = []
    for seed in (0, 1):
        save(tmp_path / "weights.pth", monkeypatch, blur_network(seed, torch.float32).state_dict())
        A = make_operator("blur_nonlinear", x.shape[1:], [3, 4])
        direct = BlurNonlinear(x.shape[1:], [3, 4], blur_network(seed, torch.float32).double(), "")
        assert torch.equal(A(x), direct(x))
        results.append((A(x), measure(Task("t", "d", "blur_nonlinear", 0.0), Black(), ["im0"]).y_hashes))
    assert (results[0][0] - results[1][0]).abs().mean() > 0.05
    assert results[0][1] != results[1][1]


def test_blur_depends_on_its_code():
    A = blur_nonlinear((3, 128, 256), range(40))
    k = A.parameters()["code"]
    assert k.shape == (40, 16, 1, 2)
    assert abs(float(k.std()) - 1.2) < 0.1
    one, other = A[:1], A[1:2]
    x = torch.zeros(1, 3, 128, 256, dtype=torch.float64)
    assert (one(x) - other(x)).abs().mean() > 1e-4
    assert torch.equal(one(x), blur_nonlinear((3, 128, 256), [0])(x))


def test_weights_refused(small, tmp_path, monkeypatch):
    """Above all a dict in a dict, from which a lenient loader takes nothing and blurs with random weights."""
    path = tmp_path / "weights.pth"

    def refused(message, shape=(3, 128, 128)):
        with pytest.raises(ValueError, match=message) as caught:
            make_operator("blur_nonlinear", shape, [0])
        assert "\n" not in str(caught.value)

    place = f"{tmp_path}/home/operators/GOPRO_wVAE.pth"
    refused(f"needs the weights GOPRO_wVAE.pth .*save it as {place}, or set BENCH_BKSE")
    good = blur_network(0, torch.float32).state_dict()
    first = next(iter(good))
    bad = {
        r"it holds 'state_dict' \(\d+ tensors by name\); save that part alone": {"state_dict": good},
        "all names are there with 'module.' in front": {f"module.{k}": v for k, v in good.items()},
        "'recon_trunk.1.weight' is missing": {k: v for k, v in good.items() if k != "recon_trunk.1.weight"},
        "unknown entry 'more'": good | {"more": torch.zeros(1)},
        rf"'{first}' has shape \(1,\), expected \(2, 3, 3, 3\)": good | {first: torch.zeros(1)},
        rf"it holds '{first}' \(int\)": good | {first: 3},
        "it holds a list": [1, 2],
    }
    for message, state in bad.items():
        save(path, monkeypatch, state)
        refused(message)
    path.write_bytes(b"not found")
    refused("not a checkpoint of weights")
    save(path, monkeypatch, good)
    refused("3 channels, got 1", (1, 128, 128))
    refused("divisible by 128, .* got 96 x 128", (3, 96, 128))


def test_a_network_without_weights_cannot_blur():
    with torch.device("meta"):
        network = BlurNetwork(nf=2, front=1, back=1)
    with pytest.raises(ValueError, match="without weights"):
        BlurNonlinear((3, 128, 128), [0], network, "")
