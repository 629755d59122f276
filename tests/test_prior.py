"""Network priors: the embedded weights, the adapter's formulas against plain autograd, and files that must be
refused."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bench.prior import CountingPrior
from bench.priors import PriorError, load_prior
from bench.priors.network import NetworkPrior
from bench.priors.unet import build_unet, recompute_activations
from tests.tiny import ARCHITECTURE, PRIOR


@pytest.fixture(scope="module")
def prior():
    return load_prior("fashion32")


def random_network(**changes):
    torch.manual_seed(0)
    network = build_unet(**ARCHITECTURE | changes)
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.05)
    return network


def test_the_embedded_prior_denoises(prior):
    """On held-out images the error grows with the noise, and is a small part of it."""
    from bench.data import load_dataset

    data = load_dataset("fashion32_tune")
    x0 = torch.stack([data.image(i) for i in data.ids[:8]])
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    errors = []
    for index, share in ((20, 0.4), (100, 0.15), (400, 0.03)):
        t = prior.schedule.level(index)
        errors.append((prior.denoise(t.alpha * x0 + t.sigma * eps, t) - x0).square().mean().item())
        assert errors[-1] < share * t.ratio**2
    assert errors == sorted(errors)


def test_noise_prediction_and_learned_variance_are_taken_apart():
    network = random_network(learn_sigma=True)
    prior = NetworkPrior(network, (1, 16, 16))
    x, t = torch.randn(2, 1, 16, 16), prior.schedule.level(300)
    out = network(x, torch.tensor([300.0, 300.0]))
    x0, v = prior.moments(x, t)
    torch.testing.assert_close(t.alpha * x0 + t.sigma * out[:, :1], x)
    torch.testing.assert_close(v, out[:, 1:])
    assert NetworkPrior(random_network(), (1, 16, 16)).moments(x, t)[1] is None


@pytest.mark.parametrize("recompute", [False, True])
def test_pullback_is_the_vector_jacobian_product(recompute):
    network = recompute_activations(random_network().double(), recompute)
    prior = NetworkPrior(network, (1, 16, 16), dtype=torch.float64)
    x, u = torch.randn(2, 2, 1, 16, 16, dtype=torch.float64)
    t = prior.schedule.level(100)
    x0, pull = prior.vjp(x, t)
    h = 1e-6
    slope = (prior.denoise(x + h * u, t) - prior.denoise(x - h * u, t)) / (2 * h)
    torch.testing.assert_close(x0, prior.denoise(x, t))
    w = torch.randn(x.shape, dtype=torch.float64)  # the library's attention rounds to float32
    torch.testing.assert_close((pull(w) * u).sum(), (slope * w).sum(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(pull(2 * w), 2 * pull(w))
    assert torch.is_grad_enabled()


def test_the_watcher_counts(prior):
    calls = Counter()
    watched = CountingPrior(prior, calls)
    x, t = torch.zeros(3, *prior.shape), prior.schedule.level(10)
    watched.denoise(x, t)
    _, pull = watched.vjp(x, t)
    pull(x)
    pull(x)
    assert calls == {"nfe": 6, "vjps": 6}, "per image"


def test_schedule_and_heads_are_part_of_the_identity(tmp_path):
    """Neither changes the shape of a weight, both change what the network says."""
    card = Path(write_card(tmp_path, random_network().state_dict()))
    text, identities = card.read_text(), set()
    for old, new in [
        ("", ""),
        ("beta_max = 2e-2", "beta_max = 3e-2"),
        ("num_head_channels = 32", "num_head_channels = 16"),
    ]:
        card.write_text(text.replace(old, new))
        prior = load_prior(str(card))
        identities.add((prior.weights_sha256, prior.config_sha256))
    assert len(identities) == 3
    card.write_text(text.replace("2e-2", "0.02"))
    prior = load_prior(str(card))
    assert (prior.weights_sha256, prior.config_sha256) in identities


def write_card(folder, state, channels=1):
    save_file(state, folder / "tiny.safetensors")
    sha256 = hashlib.sha256((folder / "tiny.safetensors").read_bytes()).hexdigest()
    (folder / "tiny.toml").write_text(PRIOR.format(sha256=sha256, channels=channels))
    return str(folder / "tiny.toml")


def test_files_that_are_not_what_the_card_says_are_refused(tmp_path):
    state = random_network().state_dict()
    card = write_card(tmp_path, state)
    assert load_prior(card).shape == (1, 16, 16)
    with pytest.raises(
        PriorError, match=r"'input_blocks.0.0.weight' has shape \(32, 1, 3, 3\), expected \(32, 3, 3, 3\)"
    ):
        load_prior(write_card(tmp_path, state, channels=3))
    first = next(iter(state))
    with pytest.raises(PriorError, match=f"'{re.escape(first)}' is missing"):
        load_prior(write_card(tmp_path, {k: v for k, v in state.items() if k != first}))
    with pytest.raises(PriorError, match="unknown entry 'extra'"):
        load_prior(write_card(tmp_path, {**state, "extra": torch.zeros(1)}))
    with pytest.raises(
        PriorError, match=f"'{re.escape(first)}' holds torch.int8 in place of floating point weights"
    ):
        load_prior(write_card(tmp_path, {**state, first: state[first].to(torch.int8)}))
    card = write_card(tmp_path, state)
    with (tmp_path / "tiny.safetensors").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(PriorError, match="sha256"):
        load_prior(card)
    (tmp_path / "tiny.safetensors").unlink()
    with pytest.raises(PriorError, match="missing"):
        load_prior(card)
    with pytest.raises(PriorError, match="did you mean 'fashion32'"):
        load_prior("fasion32")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "tiny"', "", "tiny.toml: 'name': Field required; "),
        ('file = "', 'flie = "', "tiny.toml: 'file': Field required; "),
        ("[schedule]", "[schedul]", "tiny.toml: 'schedule': Field required; "),
        (
            "[schedule]",
            "width = 3\n[schedule]",
            "tiny.toml: 'architecture.width': Extra inputs are not permitted; ",
        ),
        (
            "image_size = 16",
            "image_size = 16.5",
            "tiny.toml: 'architecture.image_size': Input should be a valid integer",
        ),
        ("num_head_channels = 32", "num_head_channels = 7", "tiny.toml: 'architecture': cannot be built: "),
        ("beta_max = 2e-2", "beta_max = 2", "tiny.toml: 'schedule.beta_max': Input should be less than 1"),
        ("[schedule]", "[schedule", "tiny.toml: not a valid card: "),
    ],
)
def test_bad_cards_are_one_line(tmp_path, old, new, message):
    card = Path(write_card(tmp_path, random_network().state_dict()))
    card.write_text(card.read_text().replace(old, new))
    with pytest.raises(PriorError, match=re.escape(message)) as error:
        load_prior(str(card))
    assert len(str(error.value).splitlines()) == 1
