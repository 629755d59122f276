"""Data sets of photographs in a user's folder: those that a card lists, and all of a folder."""

import hashlib

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from bench.cli import cli
from bench.data import (
    DataError,
    FolderOfPhotographs,
    load_dataset,
)
from bench.records.journal import read_records
from tests.collections_of_images import WNIDS, card, imagenet, with_list
from tests.photographs import defined_crop, photographs
from tests.tiny import build


def bench(*args):
    return CliRunner().invoke(cli, [str(a) for a in args])


def test_images_are_looked_up_without_a_search(tmp_path):
    """The whole validation set has 50,000."""

    class Unsearchable(list):
        __contains__ = None

    ds = load_dataset(with_list(card(tmp_path)), imagenet(tmp_path / "val"))
    ds.ids = Unsearchable(ds.ids)
    assert ds.pixels("ILSVRC2012_val_00000002").shape == (3, 256, 256)
    with pytest.raises(
        DataError, match="has no image 'other'; it has ILSVRC2012_val_00000007 to ILSVRC2012_val_00000002"
    ):
        ds.pixels("other")


def test_hashes_are_of_the_prepared_pixels(tmp_path):
    ds = load_dataset(with_list(card(tmp_path)), imagenet(tmp_path / "val"))
    with Image.open(tmp_path / "val" / WNIDS[1] / "ILSVRC2012_val_00000007.JPEG") as image:
        expected = defined_crop(np.asarray(image), 256).transpose(2, 0, 1)
    assert ds.image_sha256("ILSVRC2012_val_00000007") == hashlib.sha256(expected.tobytes()).hexdigest()
    np.testing.assert_allclose(ds.image("ILSVRC2012_val_00000007"), expected / 127.5 - 1, atol=1e-6)


def test_doctor_on_a_fresh_machine_and_by_name(tmp_path, monkeypatch):
    result = bench("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    start = {line.split(":")[0].split(maxsplit=1)[1]: line for line in lines}
    assert start["data set fashion32"].startswith("ok      data set fashion32: 256 of 256 images")
    dgp = start["data set imagenet_dgp1k"]
    assert (
        dgp.startswith("missing")
        and "`python -m bench fetch lists imagenet_dgp1k`" in dgp
        and "--data-root DIR" in dgp
    )
    assert start["prior fashion32"].startswith("ok") and "fetch metrics" in start["metric network inception"]
    assert (
        "BENCH_FREEFORM_MASKS" in start["operator inpaint_freeform"]
        and "GOPRO_wVAE.pth" in start["operator blur_nonlinear"]
    )
    assert {"devices", "versions", "cache"} <= start.keys()

    assert bench("doctor", "fashion32").exit_code == 0
    missing = bench("doctor", "ffhq_1k", "fashion32")
    assert missing.exit_code == 1 and len(missing.stdout.splitlines()) == 3, (
        "a data set, and a data set and a prior"
    )
    unknown = bench("doctor", "ffhq")
    assert unknown.exit_code == 2 and "unknown 'ffhq' (did you mean 'ffhq_1k'?)" in unknown.stderr

    mine = with_list(card(tmp_path / "cards"))
    found = bench("doctor", mine, "--data-root", imagenet(tmp_path / "val"))
    assert found.exit_code == 0 and f"2 of 2 images in {tmp_path}/val; the list is the card's" in found.stdout
    with_list(mine, "other")
    assert bench("doctor", mine, "--data-root", tmp_path / "val").stdout.startswith("wrong")
    monkeypatch.setenv("BENCH_BKSE", str(tmp_path / "none"))
    assert bench("doctor", "blur_nonlinear").stdout.startswith("wrong   operator blur_nonlinear: no file")


def test_a_folder_is_a_data_set_named_by_its_content(tmp_path):
    folder = photographs(tmp_path / "photos")
    ds = load_dataset(folder, shape=(1, 16, 16))
    assert ds.ids == ["b", "sub/B", "sub/a"] and ds.name == f"photos-{ds.card_sha256[:8]}"
    with Image.open(folder / "b.png") as image:
        expected = defined_crop(np.asarray(image.convert("L"))[..., None], 16)
    np.testing.assert_array_equal(ds.pixels("b")[0], expected[..., 0])
    assert load_dataset(folder, shape=(3, 16, 16)).image("b").shape == (3, 16, 16)
    Image.new("L", (16, 16)).save(folder / "b.png")
    assert load_dataset(folder, shape=(1, 16, 16)).name != ds.name
    Image.new("L", (16, 16)).save(folder / "b.jpg")
    with pytest.raises(DataError, match="differ in the suffix only"):
        load_dataset(folder, shape=(1, 16, 16))
    with pytest.raises(DataError, match="no PNG or JPEG"):
        load_dataset(card(tmp_path / "cards").parent, shape=(1, 16, 16))


def test_images_dir_from_end_to_end(tmp_path):
    suite, folder, out = build(tmp_path / "tiny"), photographs(tmp_path / "photos"), tmp_path / "run"
    args = ["run", "--suite", suite, "--out", out, "--solver", "pinv", "--task", "box", "--progress", "none"]
    done = bench(*args, "--images-dir", folder)
    assert done.exit_code == 0, done.stderr
    records = read_records(out)[0]
    ds = load_dataset(folder, shape=(1, 16, 16))
    assert [r.image for r in records] == ds.ids and {r.dataset for r in records} == {ds.name}, (
        "three, though the suite takes four"
    )
    assert {r.image: r.image_sha256 for r in records} == {name: ds.image_sha256(name) for name in ds.ids}
    assert (out / "report" / "report.md").is_file()
    Image.new("L", (20, 20), 77).save(folder / "b.png")
    assert bench(*args, "--images-dir", folder).exit_code == 0
    assert len(read_records(out)[0]) == 6, "another content, another data set: nothing is mixed"
    few = bench(*args, "--images-dir", folder, "--images", 9)
    assert few.exit_code == 2 and "asks for 9 images" in few.stderr
    both = bench(*args, "--images-dir", folder, "--dataset", "fashion32")
    assert both.exit_code == 2 and "exclude each other" in both.stderr


def test_a_listed_data_set_runs_from_the_command_line(tmp_path):
    """The prior is for 16 px, the card too; the root comes from the option."""
    suite, mine = build(tmp_path / "tiny"), with_list(card(tmp_path / "cards"))
    mine.write_text(mine.read_text().replace("[3, 256, 256]", "[1, 16, 16]"))
    args = ["run", "--suite", suite, "--out", tmp_path / "run", "--solver", "pinv", "--task", "box"]
    args += ["--progress", "none", "--dataset", mine]
    done = bench(*args, "--images", 2, "--data-root", imagenet(tmp_path / "val"), "--no-report")
    assert done.exit_code == 0, done.stderr
    assert [r.image for r in read_records(tmp_path / "run")[0]] == [
        "ILSVRC2012_val_00000007",
        "ILSVRC2012_val_00000002",
    ]
    (tmp_path / "val" / WNIDS[2] / "ILSVRC2012_val_00000002.JPEG").unlink()
    for images, code in ((1, 0), (2, 2)):
        some = bench(*args, "--images", images, "--data-root", tmp_path / "val", "--no-report")
        assert some.exit_code == code, "the first image needs no second"
    lost = bench(*args, "--images", 2)
    assert lost.exit_code == 2 and "no folder is given" in lost.stderr


@pytest.mark.parametrize("channels", [2, 4])
def test_photographs_have_one_or_three_channels(tmp_path, channels):
    with pytest.raises(DataError, match=f"the prior's images have {channels}"):
        FolderOfPhotographs(tmp_path, (channels, 8, 8))
