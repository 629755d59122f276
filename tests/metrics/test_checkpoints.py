"""Top-1 accuracy: the classifier's input and output, where it applies, and where its weights come from."""

import dataclasses
import hashlib

import pytest
import torch
from torchvision.models import ResNet50_Weights, resnet50
from torchvision.transforms.functional import normalize

from bench.data import load_dataset
from bench.metrics import checkpoints
from bench.metrics.assets import AssetUnavailable
from bench.metrics.backbones import CHECKPOINTS
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
def given(random_weights, monkeypatch, tmp_path):
    """That file as the user's, under a published name whose digits fit it; nothing else to find it by."""
    path, network = random_weights
    url = f"http://127.0.0.1:9/resnet50-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"
    changed = dataclasses.replace(CHECKPOINTS["resnet50"], url=url)
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", {"resnet50": changed})
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("BENCH_RESNET50", str(path))
    return path, network, changed


def test_the_published_file_is_torchvisions():
    assert CHECKPOINTS["resnet50"].url == ResNet50_Weights.IMAGENET1K_V1.url
    assert CHECKPOINTS["resnet50"].sha256_prefix == "0676ba61"


def test_the_whole_normalised_image_is_classified(given, monkeypatch):
    """At 256 x 256, against torchvision's own functions; a crop to 224 px or a missing normalisation changes
    the logits."""
    _, network, _ = given
    x = (
        torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2.4
        - 1.2
    )
    with torch.no_grad():
        logits = network(
            normalize((x.clamp(-1, 1).float() + 1) / 2, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        )
    classifier = Classifier()
    torch.testing.assert_close(classifier.logits(x), logits, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(classifier, "logits", lambda _: logits)
    labels = logits.argmax(1)
    assert classifier(x, labels).tolist() == [1, 1]
    assert classifier(x, torch.stack([labels[0], (labels[1] + 1) % 1000])).tolist() == [1, 0]


def test_weights_come_from_the_user_the_cache_or_nowhere(given, monkeypatch, tmp_path):
    path, network, changed = given
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


def test_another_networks_file_is_refused(given, monkeypatch, tmp_path):
    other = tmp_path / "other.pth"
    torch.save({"conv1.weight": torch.zeros(1)}, other)
    url = f"http://127.0.0.1:9/resnet50-{hashlib.sha256(other.read_bytes()).hexdigest()[:8]}.pth"
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", {"resnet50": dataclasses.replace(given[2], url=url)})
    monkeypatch.setenv("BENCH_RESNET50", str(other))
    with pytest.raises(AssetUnavailable, match="does not hold the weights of resnet50"):
        load_checkpoint("resnet50")


def labelled(folder, label_set):
    """The tiny world with labels, and a suite that asks for the accuracy."""
    folder.mkdir()
    path = build(folder)
    card = folder / "images.toml"
    labels = "".join(f"im{i} = {i}\n" for i in range(8))
    card.write_text(f"{label_set}\n{card.read_text()}\n[labels]\n{labels}")
    path.write_text(path.read_text().replace("images: 4", "images: 4\nmetrics: [psnr, top1, lpips_vgg]"))
    return override(load_suite(str(path)), ["pinv"], ["box"])


def test_a_run_reports_the_accuracy_in_per_cent(given, tmp_path, monkeypatch):
    suite = labelled(tmp_path / "world", 'label_set = "imagenet"')
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


def test_labels_of_another_set_are_never_read_as_imagenets(given, tmp_path):
    suite = labelled(tmp_path / "world", "")
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
