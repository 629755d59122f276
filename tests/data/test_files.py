"""Sheets and folders of images: the embedded ones are what their cards say, and wrong files are refused."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data import (
    DATASETS,
    DataError,
    load_dataset,
)


def test_fashion32_is_the_start_of_the_test_split():
    ds = load_dataset("fashion32")
    assert (ds.name, ds.shape, len(ds.ids), ds.ids[0], ds.ids[-1]) == (
        "fashion32",
        (1, 32, 32),
        256,
        "test-00000",
        "test-00255",
    )
    assert [ds.labels[i] for i in ds.ids[:10]] == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert ds.class_names[ds.labels["test-00000"]] == "Ankle boot"
    x = ds.image("test-00000")
    assert x.shape == (1, 32, 32) and x.dtype == torch.float32 and x.min() == -1 and x.max() == 1
    assert (x[:, :2] == -1).all() and (x[:, :, -2:] == -1).all(), "two black pixels on each side"
    assert ds.image_sha256("test-00000") == "b73ad101041502c5bcd463ed3e9837eb7656eb79116b600ca0967d6a3c11df21"
    assert ds.card_sha256 == hashlib.sha256((DATASETS / "fashion32.toml").read_bytes()).hexdigest()


def test_sheets_hold_the_original_pixels_and_tuning_images_are_others():
    spec = importlib.util.spec_from_file_location(
        "fashion_mnist", DATASETS.parent / "tools" / "fashion_mnist.py"
    )
    fashion = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fashion)
    tune, ours = load_dataset("fashion32_tune"), load_dataset("fashion32")
    assert not set(tune.ids) & set(ours.ids)
    assert not {tune.image_sha256(i) for i in tune.ids} & {ours.image_sha256(i) for i in ours.ids}
    if not fashion.FOLDER.exists():
        pytest.skip(f"the original files are not in {fashion.FOLDER}")
    images, labels = fashion.images_and_labels("t10k")
    for ds in (tune, ours):
        for name in ds.ids:
            k = int(name.removeprefix("test-"))
            assert np.array_equal(ds.pixels(name)[0], images[k]) and ds.labels[name] == labels[k]


@pytest.fixture
def folder(tmp_path):
    """A card of three colour images of 4 x 6 px, one of them a JPEG; returns (card, images)."""
    images = tmp_path / "pictures"
    images.mkdir()
    rng = np.random.default_rng(0)
    for name in ("b.png", "a.png", "c.jpg"):
        Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8)).save(images / name)
    return write(tmp_path), images


def write(tmp_path: Path, **entries: str) -> Path:
    lines = {"kind": '"folder"', "folder": '"pictures"', "shape": "[3, 4, 6]"} | entries
    card = tmp_path / "mine.toml"
    card.write_text("\n".join(f"{key} = {value}" for key, value in lines.items() if value))
    return card


def test_a_folder_of_images(folder):
    card, images = folder
    sums = "".join(
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(images.iterdir())
    )
    write(
        card.parent, labels="{ a = 2, b = 0, c = 1 }", sha256=f'"{hashlib.sha256(sums.encode()).hexdigest()}"'
    )
    ds = load_dataset(card)
    assert ds.name == "mine" and ds.ids == ["a", "b", "c"] and ds.labels == {"a": 2, "b": 0, "c": 1}
    expected = np.asarray(Image.open(images / "a.png")).transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(ds.image("a"), expected, atol=1e-6)
    assert ds.image("c").shape == (3, 4, 6)


def rgba(images):
    Image.new("RGBA", (6, 4)).save(images / "b.png")


def palette(images):
    Image.new("P", (6, 4)).save(images / "b.png")


def grey(images):
    Image.new("L", (6, 4)).save(images / "b.png")


def turned(images):
    Image.new("RGB", (4, 6)).save(images / "b.png")


def not_an_image(images):
    (images / "b.png").write_bytes(b"no picture at all")


def changed(images):
    Image.new("RGB", (6, 4)).save(images / "b.png")


def same_stem(images):
    Image.new("RGB", (6, 4)).save(images / "b.jpeg")


def empty(images):
    for path in images.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("entries", "spoil", "words"),
    [
        ({}, rgba, ["b.png", "RGBA", "RGB", "convert"]),
        ({}, palette, ["b.png", "colour mode is P"]),
        ({}, grey, ["b.png", "colour mode is L"]),
        ({}, turned, ["b.png", "4 x 6", "6 x 4", "resize"]),
        ({}, not_an_image, ["b.png", "not a readable image"]),
        ({"sha256": f'"{"0" * 64}"'}, changed, ["pictures", "sha256", "0000000000000000"]),
        ({}, same_stem, ["pictures", "suffix"]),
        ({}, empty, ["no PNG or JPEG"]),
        ({"labels": "{ a = 1 }"}, None, ["mine.toml", "labels", "'b'"]),
        ({"folder": '"elsewhere"'}, None, ["mine.toml", "elsewhere"]),
    ],
)
def test_bad_input_is_one_clear_line(folder, entries, spoil, words):
    card, images = folder
    if spoil:
        spoil(images)
    with pytest.raises(DataError) as caught:
        load_dataset(write(card.parent, **entries))
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words), message


def test_a_truncated_image_is_refused_at_once_and_when_it_is_read(folder):
    card, images = folder
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (400, 600, 3), np.uint8)).save(images / "b.png")
    for name in ("a.png", "c.jpg"):
        (images / name).unlink()
    ds = load_dataset(write(card.parent, shape="[3, 400, 600]"))
    (images / "b.png").write_bytes((images / "b.png").read_bytes()[:9000])
    with pytest.raises(DataError, match=r"b\.png: not a readable image"):
        load_dataset(card)
    with pytest.raises(DataError, match=r"b\.png: not a readable image"):
        ds.image("b")
    with pytest.raises(DataError, match="no image 'z'"):
        ds.image("z")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('sha256 = "', 'sha256 = "0', ["sha256"]),
        ("count = 64", "count = 63", ["64 labels for 63 images"]),
        ("columns = 8", "columns = 16", ["256 x 256", "512 x 128"]),
        ('"fashion32_tune.png"', '"gone.png"', ["gone.png", "No such file"]),
        ('"test-{:05d}"', '"test"', ["'ids'"]),
    ],
)
def test_a_bad_sheet_is_one_clear_line(tmp_path, old, new, words):
    text = (DATASETS / "fashion32_tune.toml").read_text()
    assert old in text
    (tmp_path / "fashion32_tune.png").write_bytes((DATASETS / "fashion32_tune.png").read_bytes())
    (tmp_path / "bad.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path / "bad.toml")
    assert "\n" not in str(caught.value) and all(word in str(caught.value) for word in words), caught.value


def test_a_changed_sheet_is_refused(tmp_path):
    content = bytearray((DATASETS / "fashion32_tune.png").read_bytes())
    content[-20] ^= 1
    (tmp_path / "fashion32_tune.png").write_bytes(content)
    (tmp_path / "bad.toml").write_text((DATASETS / "fashion32_tune.toml").read_text())
    with pytest.raises(DataError, match="sha256"):
        load_dataset(tmp_path / "bad.toml")
