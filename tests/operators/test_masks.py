"""Masks: holes where they belong, golden draws, and those of a user's file."""

import hashlib

import numpy as np
import pytest
import torch

from bench.operators import make_operator
from bench.operators import masks as freeform
from bench.operators.masks import Inpaint
from tests.operators.samples import SHAPE

pytestmark = pytest.mark.usefixtures("no_files")


KEY = "20-30% freeform"


def holes(n, share, seed):
    """(n, 256, 256) bool: a band of its own in each mask, of the same share of the image."""
    rng = np.random.default_rng(seed)
    band = np.repeat(np.arange(256) < round(256 * share), 256).reshape(256, 256)
    return np.stack([np.roll(band, shift, axis=0) for shift in rng.permutation(256)[:n]])


def red_diff(masks, path, channels=3, **changed):
    """A file as RED-diff's code writes it: bits of all, 1 is measured, and the shape."""
    measured = np.repeat(~masks[:, None], channels, axis=1).reshape(len(masks), -1)
    np.savez(path, **{"m": np.packbits(measured, axis=None), "shape": measured.shape} | changed)


LAYOUTS = {
    "bits of all": lambda m: np.packbits(m, axis=None),
    "bits of each mask": lambda m: np.packbits(m.reshape(len(m), -1), axis=1),
    "bits of each row": lambda m: np.packbits(m, axis=-1),
    "bool": lambda m: m,
    "zeros and ones": lambda m: m.astype(np.uint8),
}


@pytest.fixture
def masks(monkeypatch, tmp_path):
    def write(layout="bits of all", **changed):
        pools = {"10-20% freeform": holes(3, 0.15, 1), KEY: holes(5, 0.25, 2)}
        np.savez(
            tmp_path / "masks.npz", **{key: LAYOUTS[layout](pool) for key, pool in pools.items()}, **changed
        )
        monkeypatch.setenv(freeform.VARIABLE, str(tmp_path / "masks.npz"))
        return pools

    return write


def test_masks():
    A = make_operator("inpaint_box", (3, 32, 32), range(40))
    holes = ~A.parameters()["mask"][:, 0].numpy()
    starts = set()
    for hole in holes:
        rows, columns = (np.flatnonzero(hole.any(axis)) for axis in (1, 0))
        assert hole.sum() == len(rows) * len(columns) == 16 * 16
        assert min(rows[0], columns[0]) >= 2
        assert max(rows[-1], columns[-1]) < 30
        starts |= {("row", rows[0]), ("column", columns[0])}
    assert {2, 14} <= {start for axis, start in starts if axis == "row"} & {
        start for axis, start in starts if axis == "column"
    }
    for p in (0.7, 0.92):
        mask = make_operator("inpaint_random", SHAPE, range(3), p=p).parameters()["mask"]
        assert mask.shape == (3, 1, 32, 24)
        assert ((~mask).flatten(1).sum(1) == round(p * 32 * 24)).all()


def test_a_mask_that_keeps_nothing_is_refused():
    with pytest.raises(ValueError, match="a mask of 4 x 4 pixels keeps none of them"):
        make_operator("inpaint_random", (3, 4, 4), [0], p=0.999)
    with pytest.raises(ValueError, match="keeps none"):
        Inpaint((1, 2, 2), [0, 1], [np.ones((2, 2), bool), np.zeros((2, 2), bool)])


def test_masks_are_the_same_on_every_machine():
    """Golden hashes: the records of two machines can only be compared while these hold."""
    found = []
    for name in ("inpaint_box", "inpaint_random"):
        mask = make_operator(name, (3, 32, 32), [99]).parameters()["mask"].numpy()
        found.append(hashlib.sha256(mask.tobytes()).hexdigest()[:16])
    assert found == ["7c48cd3c643feaaf", "d3674f0588424d37"]


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

    place = f"{tmp_path}/home/operators"
    refused(rf"needs the masks of Palette.*{freeform.FILE}.*save it as {place}.*or set BENCH_FREEFORM_MASKS")
    masks(broken=np.zeros(100, np.uint8), numbers=np.zeros((2, 256, 32)))
    refused("images of 256 x 256 pixels, as its masks are, got 32 x 32", (3, 32, 32))
    refused("no masks '20-30%' in .*; known: 10-20% freeform, 20-30% freeform", fraction="20-30%")
    refused("'broken' in .* is uint8", fraction="broken")
    refused("'numbers' in .* is float64", fraction="numbers")
    masks(**{"30-40% freeform": LAYOUTS["bits of all"](~holes(2, 0.35, 0))})
    refused(
        "64.8% of their pixels are missing, 35.2% measured; 1 must be a hole here", fraction="30-40% freeform"
    )
    masks(**{"40-50% freeform": LAYOUTS["bits of all"](holes(2, 0.25, 0))})
    refused("25.0% of their pixels are missing, .* choose another file", fraction="40-50% freeform")
    (tmp_path / "masks.npz").write_bytes(b"PK\x03\x04 a download that broke off")
    refused("not an npz file that can be read")
    with (tmp_path / "masks.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    refused("not an npz file that can be read")
    monkeypatch.setenv(freeform.VARIABLE, str(tmp_path / "elsewhere.npz"))
    refused("no file .*elsewhere.npz, which BENCH_FREEFORM_MASKS names")


def test_red_diffs_own_file_says_what_is_measured(masks, tmp_path, monkeypatch):
    """The same masks from Palette's file and from RED-diff's are the same operator, with the same key."""
    pool = masks()[KEY]
    palette = make_operator("inpaint_freeform", (3, 256, 256), range(8))
    path = tmp_path / "20ff.npz"
    monkeypatch.setenv(freeform.VARIABLE, str(path))
    for changed in ({}, {"shape": (5, 3, 256, 256)}, {"channels": 1}):
        red_diff(pool, path, **changed)
        other = make_operator("inpaint_freeform", (3, 256, 256), range(8))
        assert torch.equal(other.mask, palette.mask) and other.supplied() == palette.supplied(), changed
    wrong = {
        "25.0% of their pixels are missing": {"fraction": "30-40% freeform"},
        "has masks of one share and does not say which.*'20-30%', not as 'm'": {"fraction": "m"},
    }
    for message, params in wrong.items():
        with pytest.raises(ValueError, match=message):
            make_operator("inpaint_freeform", (3, 256, 256), [0], **params)
    red_diff(~pool, path)
    with pytest.raises(ValueError, match=r"75.0% of their pixels are missing.*invert them"):
        make_operator("inpaint_freeform", (3, 256, 256), [0])
    bits = np.packbits(np.random.default_rng(0).random((5, 3 * 256 * 256)) < 0.75)
    for message, changed in {
        "the channels of a mask differ": {"m": bits},
        r"uint8 \(122880,\) for masks of shape \(5, 3, 128, 128\)": {"shape": (5, 3, 128, 128)},
        "for masks of shape": {"shape": (4, 3 * 256 * 256)},
    }.items():
        red_diff(pool, path, **changed)
        with pytest.raises(ValueError, match=message):
            make_operator("inpaint_freeform", (3, 256, 256), [0])
