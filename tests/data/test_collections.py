"""Public collections are found in every layout that people have, or the message says what is missing."""

import pytest
from PIL import Image

from bench.data import DataError, load_dataset
from bench.data.collections import COLLECTIONS, by_min_side
from tests.collections_of_images import RULED, WNIDS, card, imagenet, with_list


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("below", ["", "val", "imagenet/val", "ILSVRC/Data/CLS-LOC/val"])
def test_imagenet_in_every_layout(tmp_path, flat, below):
    imagenet(tmp_path / "root" / below, flat)
    ds = load_dataset(with_list(card(tmp_path)), tmp_path / "root")
    assert ds.ids == ["ILSVRC2012_val_00000007", "ILSVRC2012_val_00000002"], "in the order of the list"
    assert ds.labels == {"ILSVRC2012_val_00000007": 1, "ILSVRC2012_val_00000002": 2}
    x = ds.image("ILSVRC2012_val_00000007")
    assert x.shape == (3, 256, 256) and abs(float(x.mean()) - (143.5 / 127.5 - 1)) < 0.02
    assert (ds.name, ds.shape, ds.class_names) == ("mine", (3, 256, 256), None)


@pytest.mark.parametrize("below", ["", "images1024x1024", "ffhq/images256x256"])
@pytest.mark.parametrize("thousands", [False, True])
def test_ffhq_in_every_layout(tmp_path, below, thousands):
    for k, side in ((999, 1024), (1000, 256)):
        place = tmp_path / "root" / below / (f"{k // 1000 * 1000:05}" if thousands else "")
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (side, side), (k % 256, 0, 0)).save(place / f"{k:05}.png")
    mine = card(tmp_path, text=None, collection="ffhq", ids='"{:05d}"', first="999")
    ds = load_dataset(mine, tmp_path / "root")
    assert ds.ids == ["00999", "01000"] and ds.labels is None
    assert [int(ds.pixels(name)[0, 7, 7]) for name in ds.ids] == [999 % 256, 1000 % 256]
    Image.new("RGB", (128, 128)).save(ds.files["00999"])
    with pytest.raises(
        DataError, match=r"00999\.png: size is 128 x 128 px, it should be 1024 x 1024 or 256 x 256"
    ):
        load_dataset(mine, tmp_path / "root").image("00999")


@pytest.mark.parametrize("form", ["{id}_{group}.JPEG", "{group}/{id}.jpg", "{id}.png", "{group}/{id}.JPG"])
def test_imagenet_as_it_is_packed_and_copied(tmp_path, form):
    """Hugging Face puts the class into the name; copies have other suffixes, which is said."""
    root = tmp_path / "root"
    for line in RULED:
        group, name = line.split()[0].split("/")
        file = root / form.format(id=name.removesuffix(".JPEG"), group=group)
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (300, 260), (20 * int(name[-6]),) * 3)
        picture.save(file, format="PNG" if file.suffix == ".png" else "JPEG")
    text = "\n".join(RULED)
    mine = with_list(card(tmp_path, text=text, count=4), text)
    data = load_dataset(mine, root)
    assert len(data.ids) == 4 and int(data.pixels("ILSVRC2012_val_00000007")[0, 9, 9]) in range(136, 145)
    assert bool(data.notes) == ("JPEG" not in form)
    if "group" in form:
        found = by_min_side(COLLECTIONS["imagenet"], root, 256, 4)
        assert found == RULED, "the classes are known"


def test_ffhqs_thumbnails_are_no_images(tmp_path):
    for root, words in (
        (tmp_path, "its thumbnails128x128 are too small"),
        (tmp_path / "thumbnails128x128", "128 x 128"),
    ):
        place = tmp_path / "thumbnails128x128" / "00000"
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (128, 128)).save(place / "00999.png")
        mine = card(tmp_path, text=None, collection="ffhq", ids='"{:05d}"', first="999").read_text()
        (tmp_path / "mine.toml").write_text(mine.replace("count = 2", "count = 1"))
        with pytest.raises(DataError, match=words):
            load_dataset(tmp_path / "mine.toml", root)


def test_the_order_of_the_ways_to_name_the_folder(tmp_path, monkeypatch):
    mine, good, bad = with_list(card(tmp_path)), imagenet(tmp_path / "good", flat=True), tmp_path / "bad"
    bad.mkdir()
    with pytest.raises(
        DataError, match=r"mine: no folder is given for the validation images of ImageNet .* BENCH_IMAGENET"
    ):
        load_dataset(mine)
    for first, second in (("BENCH_IMAGENET", "BENCH_DATA"), ("BENCH_DATA", None)):
        monkeypatch.setenv(first, str(good))
        if second:
            monkeypatch.setenv(second, str(bad))
        assert load_dataset(mine).place == good
        monkeypatch.delenv(first)
    monkeypatch.setenv("BENCH_IMAGENET", str(bad))
    assert load_dataset(mine, good).place == good
    monkeypatch.setenv("BENCH_IMAGENET", str(tmp_path / "none"))
    with pytest.raises(DataError, match="BENCH_IMAGENET: no folder"):
        load_dataset(mine)


def test_missing_images_are_counted_and_a_damaged_one_is_named(tmp_path):
    mine, root = with_list(card(tmp_path)), imagenet(tmp_path / "val")
    (root / WNIDS[1] / "ILSVRC2012_val_00000007.JPEG").rename(tmp_path / "away")
    with pytest.raises(
        DataError, match=r"mine: .*/cards has none of 2 images, looked for as n02110958/ILSVRC2012_"
    ):
        load_dataset(mine, card(tmp_path / "cards").parent)
    with_list(card(tmp_path, text="\n".join(RULED), count=4), "\n".join(RULED))
    with pytest.raises(
        DataError,
        match=r"mine: 1 of 4 images are missing, the first is .*00000007\.JPEG; complete the folder",
    ):
        load_dataset(mine, root)
    assert load_dataset(mine, root, most=3).ids == [f"ILSVRC2012_val_{k:08}" for k in (1, 3, 4)], (
        "three need no fourth"
    )
    (tmp_path / "away").rename(root / WNIDS[1] / "ILSVRC2012_val_00000007.JPEG")
    ds = load_dataset(mine, root)
    ds.files["ILSVRC2012_val_00000001"].write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"00000001\.JPEG: not a readable image"):
        ds.image_sha256("ILSVRC2012_val_00000001")
