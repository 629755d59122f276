"""Strips of pictures: exact, shrunk where they are large, fewer where they would not fit."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from bench.report.html import pictures
from bench.report.html.pictures import SIDE, collect, strip
from bench.report.tables import build
from tests.made_run import picture, record, records


def decoded(made):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(made[0].partition(",")[2]))).convert("L"))


def saved(path, array):
    Image.fromarray(array).save(path)
    return path


def test_a_strip_has_every_pixel_and_keeps_places_free(tmp_path):
    paths = [saved(tmp_path / f"{i}.png", picture(i)) for i in range(2)]
    made = strip([paths[0], None, paths[1]], SIDE)
    assert made[1:] == [8, 8, [1, 0, 1]]
    assert np.array_equal(decoded(made)[:, :8], picture(0))
    assert np.array_equal(decoded(made)[:, 16:], picture(1))
    assert strip([None, None], SIDE) is None


def test_what_cannot_be_read_costs_itself(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    good = saved(tmp_path / "good.png", picture(0))
    assert strip([tmp_path / "broken.png", good], SIDE)[3] == [0, 1]


@pytest.mark.parametrize(("side", "size"), [((200, 100), (64, 32)), ((64, 64), (64, 64))])
def test_large_pictures_are_shrunk_and_lie_beside_the_page(tmp_path, side, size):
    path = saved(tmp_path / "x.png", np.zeros(side[::-1], np.uint8))
    found = collect(build(records(), []), lambda name: path if name.endswith(".png") else None)
    assert tuple(found.strips["blur"]["@truth"][1:3]) == size
    large = found.large.get("blur", {})
    assert [tuple(made[1:3]) for made in large.values()][:1] == ([side] if side != size else [])
    assert list(found.side_files()) == (["blur.js"] if large else [])


def test_a_page_that_would_be_too_large_shows_fewer_images(tmp_path, monkeypatch):
    random = np.random.default_rng(0)

    def find(name):
        if name.endswith(".png"):
            return saved(tmp_path / name.replace("/", "-"), random.integers(0, 256, (64, 64), dtype=np.uint8))
        return None

    tables = build(records(), [])
    whole = collect(tables, find)
    monkeypatch.setattr(pictures, "MOST", whole.size // 2)
    found = collect(tables, find)
    assert 1 <= found.n < 8 and found.size <= whole.size // 2
    assert f"first {found.n} images" in found.note


def test_a_mask_says_where_nothing_was_measured(tmp_path):
    mask = np.ones((1, 8, 8), bool)
    mask[:, 2:4] = False
    np.savez(tmp_path / "y.npz", y=np.zeros(4), mask=mask)
    shown = saved(tmp_path / "y.png", picture(0))
    found = collect(build(records(), []), lambda name: tmp_path / "y.npz" if name.endswith(".npz") else shown)
    assert np.array_equal(decoded(found.strips["blur"]["@mask"])[:, :8] > 0, mask[0])


def test_samples_have_a_strip_each(tmp_path):
    shown = saved(tmp_path / "x.png", picture(0))
    several = build([record("best", i, sample=k, key=f"{k}{i}") for i in range(2) for k in range(3)], [])
    found = collect(several, lambda name: shown if name.endswith(".png") else None)
    assert len(found.samples["blur"]["best"]) == 3
