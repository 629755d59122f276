"""The U-Net and the classifier: sizes of the public ones, and their parts against formulas written down
independently."""

import math

import numpy as np
import pytest
import torch

from bench.priors import read_card
from bench.priors.unet import (
    FusedAttention,
    TimeEmbedding,
    build_classifier,
    build_unet,
    lay_out,
    recompute_activations,
)
from tests.tiny import ARCHITECTURE

PUBLIC = {
    "imagenet256_uncond": (552_814_086, 566),
    "imagenet256_cond": (553_838_086, 567),
    "ffhq256_uncond": (93_563_910, 362),
}


def size(network):
    return sum(p.numel() for p in network.parameters()), len(network.state_dict())


@pytest.mark.long
@pytest.mark.parametrize("name", PUBLIC)
def test_public_networks_have_their_published_sizes(name):
    card = read_card(name)[0]
    with torch.device("meta"):
        network = build_unet(**card.architecture.model_dump(exclude_unset=True))
        assert size(network) == PUBLIC[name]
        assert 0 < (card.size or card.size_about) - 4 * PUBLIC[name][0] < 1e6, (
            "float32, and a little about it"
        )
        out = network(
            torch.zeros(1, 3, 256, 256),
            torch.zeros(1),
            *[torch.zeros(1, dtype=torch.long)] * (name[-5:] == "_cond"),
        )
        assert out.shape == (1, 6, 256, 256)


def test_the_public_classifier_has_its_published_size_and_names():
    card = read_card("imagenet256_cond")[0].classifier
    with torch.device("meta"):
        network = build_classifier(**card.architecture.model_dump(exclude_unset=True))
        assert size(network)[0] == 54_096_360 and 0 < card.size_about - 4 * 54_096_360 < 1e6
        assert network(torch.zeros(1, 3, 256, 256), torch.zeros(1)).shape == (1, 1000)
    state = network.state_dict()
    assert state["out.2.positional_embedding"].shape == (512, 8 * 8 + 1)
    assert state["out.2.qkv_proj.weight"].shape == (3 * 512, 512, 1) and state["out.2.c_proj.bias"].shape == (
        1000,
    )


@pytest.mark.parametrize("index", [0.0, 7.0, 423.0, 999.0, 10.5])
def test_time_embedding(index):
    """Cosines, then sines, of t / 10000^(k / half)."""
    network = build_unet(**ARCHITECTURE)
    seen = []
    network.time_embed.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    network(torch.zeros(2, 1, 16, 16), torch.tensor([index]))
    half = ARCHITECTURE["num_channels"] // 2
    angles = [index / 10000 ** (k / half) for k in range(half)]
    expected = [*map(math.cos, angles), *map(math.sin, angles)]
    np.testing.assert_allclose(
        seen[0][0].numpy(), expected, atol=2e-4
    )  # single precision at angles of up to 999


@pytest.mark.parametrize("heads_first", [False, True])
def test_attention_is_softmax_of_scaled_products(heads_first, device):
    B, H, c, T = 2, 3, 4, 5
    torch.manual_seed(0)
    qkv = torch.randn(B, 3 * H * c, T, device=device)
    out = FusedAttention(H, heads_first)(qkv).cpu().numpy()
    channels = qkv.cpu().numpy()
    for b in range(B):
        for h in range(H):
            first = [(3 * h + part) * c if heads_first else (part * H + h) * c for part in range(3)]
            q, k, v = (channels[b, start : start + c] for start in first)
            weights = np.exp(q.T @ k / math.sqrt(c))
            weights /= weights.sum(1, keepdims=True)
            np.testing.assert_allclose(out[b, h * c : (h + 1) * c], v @ weights.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("heads_first", [False, True])
def test_fused_attention_stands_in_for_the_library(heads_first):
    """The same channel order as the blocks that the public weights were trained with."""
    from azula.plugins.adm._src import unet

    torch.manual_seed(0)
    qkv = torch.randn(2, 24, 6)
    theirs = (unet.QKVAttentionLegacy if heads_first else unet.QKVAttention)(2)(qkv)
    torch.testing.assert_close(FusedAttention(2, heads_first)(qkv), theirs)
    block = build_unet(**ARCHITECTURE).middle_block[1]
    assert isinstance(block.attention, FusedAttention) and block.attention.heads_first


@pytest.mark.parametrize(("recompute", "gib"), [(False, 1.61), (True, 0.38)])
def test_what_a_backward_pass_holds_on_to(recompute, gib):
    """The FFHQ network holds, for one image, all activations, or the inputs of its blocks and what lies
    between them."""
    with torch.device("meta"):
        network = build_unet(**read_card("ffhq256_uncond")[0].architecture.model_dump(exclude_unset=True))
        recompute_activations(network.requires_grad_(False), recompute)
        held = {}

        def hold(t):
            held[t.untyped_storage()._cdata] = t
            return t

        with torch.autograd.graph.saved_tensors_hooks(hold, lambda t: t):
            graph = network(torch.zeros(1, 3, 256, 256, requires_grad=True), torch.zeros(1))
    weights = {p.untyped_storage()._cdata for p in network.parameters()}
    size = sum(t.untyped_storage().nbytes() for storage, t in held.items() if storage not in weights)
    assert graph.requires_grad and size / 2**30 == pytest.approx(gib, rel=0.03)


def test_a_memory_format_is_for_images_only():
    """A network with kernels of volumes, which have no such order, is left as it is."""
    network = torch.nn.Sequential(torch.nn.Conv3d(2, 3, 2), torch.nn.Conv2d(2, 3, 2))
    before = [p.clone() for p in network.parameters()]
    laid_out = lay_out(network, torch.channels_last).parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, laid_out, strict=True))
    assert (
        network[1].weight.is_contiguous(memory_format=torch.channels_last)
        and network[0].weight.is_contiguous()
    )


def test_times_are_embedded_in_the_librarys_bits_by_frequencies_that_are_made_once(monkeypatch):
    from azula.plugins.adm._src.nn import timestep_embedding

    ours, times = TimeEmbedding(), torch.tensor([0.0, 0.5, 17.25, 999.0])
    assert torch.equal(ours(times, 128), timestep_embedding(times, 128))
    network = build_unet(**ARCHITECTURE)
    x = torch.zeros(1, 1, 16, 16)
    with torch.no_grad():
        network(x, times[:1])
        monkeypatch.setattr(torch, "arange", None)
        network(x, times[1:2])
