"""The networks behind LPIPS, FID and top-1 accuracy, against their definitions and other programs."""

import os

import numpy as np
import pytest
import skimage.data
import skimage.metrics
import torch
from safetensors.torch import load_file
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F
from torchvision.transforms.functional import normalize

from bench.metrics.assets import find_backbone
from bench.metrics.networks import Classifier, Inception, Lpips, enlarge_clean
from bench.system.cache import cache_dir
from bench.system.weights import WeightsError, read_tensors

ALEX = [(0, 4, 2, None), (3, 1, 2, (3, 2)), (6, 1, 1, (3, 2)), (8, 1, 1, None), (10, 1, 1, None)]
"""Each convolution: index in the trunk, stride, padding, and the max pool before it."""

VGG = [
    (k, 1, 1, (2, 2) if k in (5, 10, 17, 24) else None)
    for k in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
]

TRUNKS = {"alex": (ALEX, {0, 3, 6, 8, 10}), "vgg": (VGG, {2, 7, 14, 21, 28})}


def need(name):
    """Skips without the network's weights, but never on a CI machine."""
    if not (cache_dir() / "metrics" / f"{name}.safetensors").exists() and not os.environ.get("CI"):
        pytest.skip(f"{name} was not fetched (`python -m bench fetch metrics`)")
    return find_backbone(name)


@pytest.fixture(scope="module")
def lpips():
    need("lpips_alex"), need("lpips_vgg")
    return {net: Lpips(net) for net in TRUNKS}


@pytest.fixture(scope="module")
def inception():
    need("inception")
    return Inception()


def astronaut():
    """(1, 3, 256, 256) float64 in [-1, 1], the head, and its blurred versions (std 0.5, 1, 2, 4, 8)."""
    x = skimage.data.astronaut()[:256, 128:384].transpose(2, 0, 1)[None] / 127.5 - 1
    blurred = [gaussian_filter(x, (0, 0, std, std)) for std in (0.5, 1, 2, 4, 8)]
    return torch.tensor(x), torch.tensor(np.concatenate(blurred))


@pytest.mark.long
@pytest.mark.parametrize(
    ("net", "expected"),
    [("alex", [0.0186, 0.1641, 0.3592, 0.5263, 0.6304]), ("vgg", [0.0326, None, None, 0.5006])],
)
def test_lpips_of_known_pictures(net, expected, lpips):
    """Recorded from another assembly of the same networks (float32)."""
    x, blurred = astronaut()
    kept = [k for k, value in enumerate(expected) if value is not None]
    np.testing.assert_allclose(
        lpips[net](blurred[kept], x.expand(len(kept), -1, -1, -1)), [expected[k] for k in kept], atol=6e-5
    )


@pytest.mark.long
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips_is_the_definition(net, lpips):
    """Zhang et al. 2018, eq. 1, from the bare tensors: unit-normalised features, weighted squared difference,
    spatial mean."""
    import lpips as package

    trunk = load_file(need(f"lpips_{net}"))
    linear = torch.load(
        f"{package.__path__[0]}/weights/v0.1/{net}.pth", map_location="cpu", weights_only=True
    )
    shift, scale = (torch.tensor(v).view(3, 1, 1) for v in ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]))
    layers, taps = TRUNKS[net]

    def features(x):
        x = (x - shift) / scale
        for k, stride, padding, pool in layers:
            x = x if pool is None else F.max_pool2d(x, *pool)
            x = F.relu(F.conv2d(x, trunk[f"{k}.weight"], trunk[f"{k}.bias"], stride, padding))
            if k in taps:
                yield x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)

    x, blurred = (v[..., 64:160, 64:160].float() for v in astronaut())
    x_hat, x = blurred[2:4], x.expand(2, -1, -1, -1)
    weights = (linear[f"lin{j}.model.1.weight"].view(-1, 1, 1) for j in range(5))
    pairs = zip(features(x_hat), features(x), weights, strict=True)
    expected = sum(((a - b).square() * w).sum(1).mean((1, 2)) for a, b, w in pairs)
    torch.testing.assert_close(lpips[net](x_hat, x), expected, rtol=1e-5, atol=1e-6)


def test_lpips_enlarges_small_images_and_repeats_grey(lpips, pair):
    a, b = (x[:, :1] for x in pair)
    large = [F.interpolate(x.clamp(-1, 1), (64, 80), mode="bilinear", align_corners=False) for x in (a, b)]
    both = lpips["alex"](a, b)
    torch.testing.assert_close(lpips["alex"](*large), both, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        lpips["alex"](a.expand(-1, 3, -1, -1), b.expand(-1, 3, -1, -1)), both, rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(
        torch.cat([lpips["alex"](a[i : i + 1], b[i : i + 1]) for i in range(3)]), both, rtol=1e-5, atol=1e-6
    )
    assert torch.equal(lpips["alex"](b, b), torch.zeros(3))


@pytest.mark.long
def test_inception_gives_the_features_of_the_torchscript_program(inception):
    """Recorded from running the TorchScript module of the registry package on the same 299-px input: another
    implementation."""
    f = inception(astronaut()[0])[0]
    expected = [0.46745497, 0.41781905, 0.42248434, 0.02801417, 0.81635064]
    np.testing.assert_allclose(f[[0, 1, 2, 1000, 2047]], expected, atol=2e-5)
    assert f.argmax() == 850
    np.testing.assert_allclose([f.mean(), f.norm()], [0.37354067, 21.95063], rtol=1e-5)


@pytest.mark.long
def test_inception_is_that_of_pytorch_fid(inception, monkeypatch, pair):
    from pytorch_fid import inception as fid

    state = load_file(need("inception")) | {
        "fc.weight": torch.zeros(1008, 2048),
        "fc.bias": torch.zeros(1008),
    }
    monkeypatch.setattr(fid, "load_state_dict_from_url", lambda *_, **__: state)
    theirs = fid.InceptionV3([3]).eval()
    x = pair[1][:2]
    with torch.no_grad():
        expected = theirs((x.clamp(-1, 1) + 1) / 2)[0].flatten(1)
    got = inception(x)
    assert got.shape == (2, 2048)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(inception(x[:1]), got[:1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(inception(x[:, :1]), inception(x[:, :1].expand(-1, 3, -1, -1)))


def test_clean_resizing_is_antialiased_bicubic_in_floating_point():
    """Against torch's implementation of the same filter, on both sides of 299 px; edges overshoot and are
    clipped."""
    for side in (64, 400):
        x = torch.from_numpy(np.random.default_rng(side).uniform(-1, 1, (2, 3, side, side + 5))).float()
        x[..., : side // 2] = x[..., : side // 2].sign()
        pixels = F.interpolate(
            (x.double() + 1) * 127.5, (299, 299), mode="bicubic", antialias=True, align_corners=False
        )
        assert (pixels < -1).any() and (pixels > 256).any()
        expected = (pixels.clamp(0, 255) - 128) / 128
        torch.testing.assert_close(enlarge_clean(x).double(), expected, rtol=0, atol=2e-5)


@pytest.mark.long
def test_the_whole_normalised_image_is_classified(untrained_resnet50, monkeypatch):
    """At 256 x 256, against torchvision's own functions; a crop to 224 px or a missing normalisation changes
    the logits."""
    _, network, _ = untrained_resnet50
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


def test_lpips_takes_its_linear_layers_as_a_whole_or_not_at_all(monkeypatch):
    """A file without one of them left it as it was made."""
    need("lpips_alex")

    def fewer(path):
        return dict(list(read_tensors(path).items())[1:])

    monkeypatch.setattr("bench.metrics.networks.read_tensors", fewer)
    with pytest.raises(
        WeightsError, match=r"alex\.pth: not this architecture: 'lin0\.model\.1\.weight' is missing"
    ):
        _ = Lpips("alex").network
