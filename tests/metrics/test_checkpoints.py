"""Weights of the classifier: where they come from, and the accuracy that a run reports."""

import dataclasses
import hashlib

import pytest
import torch

from bench.data import load_dataset
from bench.metrics import checkpoints
from bench.metrics.assets import AssetUnavailable
from bench.metrics.checkpoints import fetch_checkpoint, find_checkpoint, load_checkpoint
from bench.metrics.networks import Classifier
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from bench.report import render
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests.tiny import build


@pytest.mark.long
def test_weights_come_from_the_user_the_cache_or_nowhere(untrained_resnet50, monkeypatch, tmp_path):
    path, network, changed = untrained_resnet50
    torch.testing.assert_close(load_checkpoint("resnet50").state_dict(), network.state_dict(), rtol=0, atol=0)
    monkeypatch.setenv("BENCH_RESNET50", str(tmp_path / "none.pth"))
    with pytest.raises(AssetUnavailable, match=r"no file .*none\.pth \(BENCH_RESNET50\)"):
        find_checkpoint("resnet50")
    monkeypatch.delenv("BENCH_RESNET50")
    with pytest.raises(AssetUnavailable, match="bench fetch classifier"):
        find_checkpoint("resnet50")
    with pytest.raises(
        AssetUnavailable, match=r"torch hub's folder: no file .*127\.0\.0\.1.*set BENCH_RESNET50"
    ):
        fetch_checkpoint("resnet50")
    hub = tmp_path / "torch" / "hub" / "checkpoints" / changed.file
    hub.parent.mkdir(parents=True)
    hub.write_bytes(path.read_bytes())
    cached = fetch_checkpoint("resnet50")
    assert cached == find_checkpoint("resnet50") == tmp_path / "home" / "metrics" / changed.file
    cached.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AssetUnavailable, match=f"begins with {changed.sha256_prefix}"):
        load_checkpoint("resnet50")
    assert fetch_checkpoint("resnet50") == cached == find_checkpoint("resnet50")
    hub.write_bytes(b"other")
    cached.unlink()
    with pytest.raises(AssetUnavailable, match="begins with"):
        fetch_checkpoint("resnet50")
    assert not list(cached.parent.iterdir())


@pytest.mark.long
def test_another_networks_file_is_refused(untrained_resnet50, monkeypatch, tmp_path):
    other = tmp_path / "other.pth"
    torch.save({"conv1.weight": torch.zeros(1)}, other)
    url = f"http://127.0.0.1:9/resnet50-{hashlib.sha256(other.read_bytes()).hexdigest()[:8]}.pth"
    monkeypatch.setattr(
        checkpoints, "CHECKPOINTS", {"resnet50": dataclasses.replace(untrained_resnet50[2], url=url)}
    )
    monkeypatch.setenv("BENCH_RESNET50", str(other))
    with pytest.raises(AssetUnavailable, match="does not hold the weights of resnet50"):
        load_checkpoint("resnet50")


def labelled(folder, label_set):
    """The tiny suite, with labels, that asks for the accuracy."""
    folder.mkdir()
    path = build(folder)
    card = folder / "images.toml"
    labels = "".join(f"im{i} = {i}\n" for i in range(8))
    card.write_text(f"{label_set}\n{card.read_text()}\n[labels]\n{labels}")
    path.write_text(path.read_text().replace("images: 4", "images: 4\nmetrics: [psnr, top1, lpips_vgg]"))
    return override(load_suite(str(path)), ["pinv"], ["box"])


@pytest.mark.long
def test_a_run_reports_the_accuracy_in_per_cent(untrained_resnet50, tmp_path, monkeypatch):
    suite = labelled(tmp_path / "tiny", 'label_set = "imagenet"')
    expected = {"im0": 0.0, "im1": 1.0, "im2": 0.0, "im3": 0.0}
    monkeypatch.setattr(Classifier, "logits", lambda self, x: torch.eye(1000)[torch.ones(len(x), dtype=int)])
    plan = prepare(suite, Options())
    Runner(plan, tmp_path / "run", Observer()).run()
    records = read_records(tmp_path / "run")[0]
    assert {r.image: r.metrics["top1"] for r in records} == expected
    assert all(
        set(r.metrics) == {"psnr", "top1", "misfit"} and set(r.unavailable) == {"lpips_vgg"} for r in records
    )
    assert list(read_manifests(tmp_path / "run")[0].metrics) == ["psnr", "top1", "misfit"]
    page = render(tmp_path / "run", tmp_path / "out", ("md",))[0].read_text()
    assert "top-1 %" in page and "*25.0*" in page and "without the classifier's usual crop to 224 px" in page
    assert Runner(prepare(suite, Options()), tmp_path / "run", Observer()).run() == {}


def test_labels_of_another_set_are_never_read_as_imagenets(untrained_resnet50, tmp_path):
    suite = labelled(tmp_path / "tiny", "")
    plan = prepare(suite, Options())
    Runner(plan, tmp_path / "run", Observer()).run()
    (record, *_) = read_records(tmp_path / "run")[0]
    assert (
        "top1" not in record.metrics
        and "it needs ImageNet's labels, which images has not" in record.unavailable["top1"]
    )
    assert Runner(prepare(suite, Options()), tmp_path / "run", Observer()).run() == {}, (
        "what can never be had is not tried again"
    )
    assert load_dataset(suite.dataset).label_set is None
