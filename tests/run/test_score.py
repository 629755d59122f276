"""Metrics of images: those that apply, and why others do not."""

import sys
from types import SimpleNamespace

import pytest
import torch

from bench.metrics import image, networks
from bench.operators import make_operator
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.run.score import Scorer, imagenet_labels, make_scorer
from bench.solver import Measurement
from bench.suites.suite import load_suite
from tests.tiny import build


def test_images_too_small_for_ssim_go_without(monkeypatch):
    scorer = Scorer(torch.device("cpu"), None, (1, 8, 8))
    assert "ssim" in scorer.unavailable
    assert "ssim" not in scorer.names(0.1)
    x = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    A = make_operator("denoise", (1, 8, 8), range(2))
    assert {tuple(row) for row in scorer(x, x, Measurement(x, A, 0.1))} == {tuple(scorer.names(0.1))}


def test_top1_needs_labels_of_imagenet(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "Classifier", lambda device: lambda x, labels: (labels == 1).double())
    suite = load_suite(str(build(tmp_path))).model_copy(update={"metrics": ("psnr", "top1")})
    plan = prepare(suite, Options())
    scorer = make_scorer(suite, plan.cells)
    assert scorer.unavailable["top1"].startswith("it needs ImageNet's labels, which images has not")
    assert scorer.available == {"psnr"} and scorer.names(0.0) == ["psnr", "residual"]
    scorer = Scorer(torch.device("cpu"), None, (1, 8, 8), ("top1",))
    x = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    A = make_operator("denoise", (1, 8, 8), range(2))
    rows = scorer(x, x, Measurement(x, A, 0.1), torch.tensor([0, 1]))
    assert [row["top1"] for row in rows] == [0.0, 1.0]
    assert [list(row) for row in scorer(x, x, Measurement(x, A, 0.1))] == [["misfit"]] * 2


def test_labels_are_read_in_the_order_of_the_images():
    data = SimpleNamespace(label_set="imagenet", labels={"a": 3, "b": 7})
    assert imagenet_labels(data, ["b", "a"]).tolist() == [7, 3]
    assert imagenet_labels(SimpleNamespace(labels={"a": 3}), ["a"]) is None, "labels of something else"


@pytest.mark.parametrize("count", [1, 3])
def test_an_image_that_cannot_be_scored_costs_only_itself(monkeypatch, count):
    def lpips(x_hat, x):
        if (x_hat == 1).any():
            raise RuntimeError("white")
        return torch.zeros(len(x))

    monkeypatch.setattr(networks, "Lpips", lambda *_: lpips)
    scorer = Scorer(torch.device("cpu"), None, (1, 8, 8), ("lpips",))
    x = torch.zeros(count, 1, 8, 8, dtype=torch.float64)
    x[-1] = 1
    A = make_operator("denoise", (1, 8, 8), range(count))
    *others, last = scorer(x, x, Measurement(x, A, 0.1))
    assert last.status == "failed" and last.reason.startswith("scoring (lpips): RuntimeError: white")
    assert [row["lpips"] for row in others] == [0.0] * (count - 1)


@pytest.fixture
def weights(monkeypatch, tmp_path):
    """The networks' files seem to be here; nothing is in them."""
    monkeypatch.setattr(networks, "find_backbone", lambda name: tmp_path / name)


def test_a_package_that_is_not_installed_is_found_before_anything_is_solved(weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    scorer = Scorer(torch.device("cpu"), None, (1, 8, 8), ("psnr", "lpips"))
    assert scorer.unavailable == {"lpips": "lpips is not installed: pip install lpips"}
    assert scorer.available == {"psnr"} and scorer.names(0.1) == ["psnr", "misfit"]


def test_a_network_that_cannot_be_built_costs_its_metric_and_no_reconstruction(weights):
    """It is built at its first use, when the first batch is solved; here its file is not there."""
    scorer = Scorer(torch.device("cpu"), "legacy_pytorch", (1, 8, 8), ("psnr", "lpips"))
    assert not scorer.unavailable and scorer.inception is not None
    x = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    A = make_operator("denoise", (1, 8, 8), range(2))
    rows = scorer(x, x, Measurement(x, A, 0.1))
    assert [set(row) for row in rows] == [{"psnr", "misfit"}] * 2
    assert set(scorer.unavailable) == {"lpips", "fid", "kid"} and scorer.inception is None
    assert scorer.available == {"psnr"} and "No such file" in scorer.unavailable["lpips"]


def test_variants_of_metrics_are_of_the_rounded_reconstruction():
    """The 8-bit ones; what is not asked for is not there."""
    x = torch.rand(2, 1, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    asked = ("psnr", "psnr_quantised", "ssim", "ssim_full", "ssim_quantised")
    scorer = Scorer(torch.device("cpu"), None, (1, 16, 16), asked)
    A = make_operator("denoise", (1, 16, 16), range(2))
    rows, rounded = (scorer(one, x, Measurement(x, A, 0.1)) for one in (0.9 * x, image.quantised(0.9 * x)))
    for row, other in zip(rows, rounded, strict=True):
        assert set(row) == {*asked, "misfit"}
        assert (row["psnr_quantised"], row["ssim_quantised"]) == (other["psnr"], other["ssim"])
        assert row["psnr"] != row["psnr_quantised"] and row["ssim"] != row["ssim_full"]
    small = Scorer(torch.device("cpu"), None, (1, 8, 8), asked)
    assert {"ssim", "ssim_full", "ssim_quantised"} == set(small.unavailable)
