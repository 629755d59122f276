"""Operators that need a file of the user's: where it is looked for, what is refused, and what the results
depend on."""

import numpy as np
import pytest
import torch

from bench.cli import catalogue
from bench.operators import bkse, make_operator
from bench.operators import masks as freeform
from bench.operators import nonlinear as learned
from bench.operators.bkse import BlurNetwork, load_network
from bench.operators.nonlinear import BlurNonlinear
from bench.plan.task import Task
from tests.supplied import blur_network, blur_nonlinear, holes

KEY = "20-30% freeform"
LAYOUTS = {
    "bits of all": lambda m: np.packbits(m, axis=None),
    "bits of each mask": lambda m: np.packbits(m.reshape(len(m), -1), axis=1),
    "bits of each row": lambda m: np.packbits(m, axis=-1),
    "bool": lambda m: m,
    "zeros and ones": lambda m: m.astype(np.uint8),
}


@pytest.fixture(autouse=True)
def no_files(monkeypatch, tmp_path):
    for variable in (freeform.VARIABLE, learned.VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))


@pytest.fixture
def masks(monkeypatch, tmp_path):
    def write(layout="bits of all", **changed):
        pools = {"10-20% freeform": holes(3, 256, 256, 1), KEY: holes(5, 256, 256, 2)}
        np.savez(
            tmp_path / "masks.npz", **{key: LAYOUTS[layout](pool) for key, pool in pools.items()}, **changed
        )
        monkeypatch.setenv(freeform.VARIABLE, str(tmp_path / "masks.npz"))
        return pools

    return write


@pytest.mark.parametrize("layout", LAYOUTS)
def test_masks_are_those_of_the_file(masks, layout):
    pools = masks(layout)
    for params, key in (({}, KEY), ({"fraction": "10-20% freeform"}, "10-20% freeform")):
        A = make_operator("inpaint_freeform", (3, 256, 256), range(40), **params)
        measured = A.parameters()["mask"][:, 0].numpy()
        indices = [[i for i, hole in enumerate(pools[key]) if (m == ~hole).all()] for m in measured]
        assert all(len(found) == 1 for found in indices), (
            "each mask is one of the pool, with holes unmeasured"
        )
        assert {found[0] for found in indices} == set(range(len(pools[key]))), "and every one is drawn"


def test_the_published_place_and_the_key(masks, tmp_path, monkeypatch):
    masks()
    given = make_operator("inpaint_freeform", (1, 256, 256), [0])
    place = tmp_path / "home" / "operators" / freeform.FILE
    place.parent.mkdir(parents=True)
    (tmp_path / "masks.npz").rename(place)
    monkeypatch.delenv(freeform.VARIABLE)
    cached = make_operator("inpaint_freeform", (1, 256, 256), [0])
    assert torch.equal(given.mask, cached.mask)
    assert given.supplied() == cached.supplied(), "the same masks, whatever the file is called"
    other = make_operator("inpaint_freeform", (1, 256, 256), [0], fraction="10-20% freeform")
    assert given.supplied() != other.supplied()


def test_masks_refused(masks, tmp_path, monkeypatch):
    def refused(message, shape=(3, 256, 256), **params):
        with pytest.raises(ValueError, match=message) as caught:
            make_operator("inpaint_freeform", shape, [0], **params)
        assert "\n" not in str(caught.value)

    refused(
        rf"needs the masks of Palette.*{freeform.FILE}.*save it as {tmp_path}/home/operators.*or set BENCH_FREEFORM_MASKS"
    )
    masks(broken=np.zeros(100, np.uint8), numbers=np.zeros((2, 256, 32)))
    refused("images of 256 x 256 pixels, as its masks are, got 32 x 32", (3, 32, 32))
    refused("no masks '20-30%' in .*; known: 10-20% freeform, 20-30% freeform", fraction="20-30%")
    refused("'broken' in .* is uint8", fraction="broken")
    refused("'numbers' in .* is float64", fraction="numbers")
    (tmp_path / "masks.npz").write_bytes(b"PK\x03\x04 a download that broke off")
    refused("not an npz file that can be read")
    with (tmp_path / "masks.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    refused("not an npz file that can be read")
    monkeypatch.setenv(freeform.VARIABLE, str(tmp_path / "elsewhere.npz"))
    refused("no file .*elsewhere.npz, which BENCH_FREEFORM_MASKS names")


def test_the_list_survives_absent_files():
    text = catalogue.compatibility()
    assert "- inpaint_freeform: needs the masks of Palette" in text
    assert "- blur_nonlinear: needs the weights GOPRO_wVAE.pth" in text
    assert "?" in next(line for line in text.splitlines() if line.startswith("blur_nonlinear"))


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


def test_blur_through_a_file(small, tmp_path, monkeypatch):
    """The file's weights are what blurs; other weights blur otherwise, and another key says so."""
    x = 0.4 * torch.randn(2, 3, 128, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    results = []
    for seed in (0, 1):
        save(tmp_path / "weights.pth", monkeypatch, blur_network(seed, torch.float32).state_dict())
        A = make_operator("blur_nonlinear", x.shape[1:], [3, 4])
        direct = BlurNonlinear(x.shape[1:], [3, 4], blur_network(seed, torch.float32).double(), "")
        assert torch.equal(A(x), direct(x))
        results.append((A(x), Task("t", "d", "blur_nonlinear", 0.0)._identity(A[:1], 0, "")))
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

    refused(
        f"needs the weights GOPRO_wVAE.pth .*save it as {tmp_path}/home/operators/GOPRO_wVAE.pth, or set BENCH_BKSE"
    )
    good = blur_network(0, torch.float32).state_dict()
    first = next(iter(good))
    bad = {
        rf"'{first}' is missing \(the file has 'state_dict'\)": {"state_dict": good},
        "'recon_trunk.1.weight' is missing": {k: v for k, v in good.items() if k != "recon_trunk.1.weight"},
        "'more' does not belong to it": good | {"more": torch.zeros(1)},
        rf"'{first}' has the shape \(1,\), not \(2, 3, 3, 3\)": good | {first: torch.zeros(1)},
        f"'{first}' is not a tensor of floating": good | {first: 3},
        "it holds a list": [1, 2],
    }
    for message, state in bad.items():
        save(path, monkeypatch, state)
        refused(message)
    path.write_bytes(b"not found")
    refused("not a checkpoint that can be read")
    save(path, monkeypatch, good)
    refused("3 channels, got 1", (1, 128, 128))
    refused("divisible by 128, .* got 96 x 128", (3, 96, 128))


def test_a_network_without_weights_cannot_blur():
    with torch.device("meta"):
        network = BlurNetwork(nf=2, front=1, back=1)
    with pytest.raises(ValueError, match="without weights"):
        BlurNonlinear((3, 128, 128), [0], network, "")


def test_loading_drops_what_is_not_used(tmp_path):
    torch.save(blur_network().state_dict(), tmp_path / "w.pth")
    with torch.device("meta"):
        network = BlurNetwork(nf=2, front=1, back=1)
    loaded = load_network(tmp_path / "w.pth", network)
    assert not any("kernel_extractor" in name for name in loaded.state_dict())
    assert not any(p.requires_grad or p.is_meta for p in loaded.parameters())
