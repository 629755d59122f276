"""The blur network: the published one, and what a checkpoint of it gives."""

import torch

from bench.operators import bkse
from bench.operators.bkse import BlurNetwork, load_network
from tests.supplied import blur_network


def test_blur_network_is_the_published_one():
    """Its numbers of tensors and of weights were counted in the original's network."""
    with torch.device("meta"):
        network = BlurNetwork()
    state = network.state_dict()
    assert len(state) == 159
    assert sum(p.numel() for p in network.parameters()) == 115_265_475
    assert state["kernel_extractor.model.22.conv_block.5.weight"].shape == (1024, 1024, 3, 3)
    assert state["adapter.model.submodule.submodule.submodule.submodule.up.1.weight"].shape == (
        1024,
        512,
        4,
        4,
    )
    assert state["adapter.model.up.1.bias"].shape == (64,)
    assert state["recon_trunk.28.weight"].shape == (3, 64, 3, 3)
    assert {name.split(".")[1] for name in state if name.startswith("feature")} == {
        "0",
        "2",
        "4",
        *map(str, range(6, 16)),
    }


def test_what_skips_a_level_is_rectified():
    level = bkse.AdapterLevel(2, 3)
    x = torch.randn(1, 2, 4, 4)
    with torch.no_grad():
        assert torch.equal(level(x, torch.zeros(1, 3, 2, 2))[:, 2:], torch.where(x > 0, x, 0.2 * x))


def test_loading_drops_what_is_not_used(tmp_path):
    torch.save(blur_network().state_dict(), tmp_path / "w.pth")
    with torch.device("meta"):
        network = BlurNetwork(nf=2, front=1, back=1)
    loaded = load_network(tmp_path / "w.pth", network)
    assert not any("kernel_extractor" in name for name in loaded.state_dict())
    assert not any(p.requires_grad or p.is_meta for p in loaded.parameters())
