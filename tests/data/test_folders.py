"""Folders as phones, Macs and archives leave them."""

import numpy as np
import pytest
from PIL import Image

from bench.data import DataError, image_files, load_dataset
from tests.commands import bench
from tests.photographs import deep_png, defined_crop, noise
from tests.tiny import build


@pytest.fixture
def phone(tmp_path):
    """Four pictures of four kinds, and all that is no picture."""
    folder = tmp_path / "phone"
    (folder / "__MACOSX").mkdir(parents=True)
    (tmp_path / "album").mkdir()
    noise(folder / "a.JPG", (40, 30))
    noise(folder / "b.webp", (40, 30))
    noise(folder / "c.jfif", (40, 30), format="JPEG")
    noise(tmp_path / "album" / "d.tif", (40, 30), "L")
    (folder / "linked").symlink_to(tmp_path / "album")
    (tmp_path / "album" / "loop").symlink_to(folder)
    (folder / "._a.JPG").write_bytes(b"\0\5\x16\7")
    noise(folder / "__MACOSX" / "a.png", (30, 30))
    noise(folder / ".hidden.png", (30, 30))
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "film.mov").write_bytes(b"x")
    return folder


def test_pictures_are_found_and_the_rest_is_counted(phone):
    found = image_files(phone)
    assert list(found.files) == ["a", "b", "c", "linked/d"]
    assert found.note == "5 files skipped: 1 .mov, 4 hidden or of the system"
    data = load_dataset(phone, shape=(1, 32, 32))
    assert len(data.ids) == 4 and data.image("linked/d").shape == (1, 32, 32)
    skipped, grey, small = data.notes
    assert skipped.startswith("note: phone: 5 files skipped") and "3 of 4 photographs have colours" in grey
    assert "4 of 4 photographs are smaller than 32 px" in small
    assert len(load_dataset(phone, shape=(3, 16, 16)).notes) == 1, "nothing is lost, nothing is enlarged"


def test_a_picture_is_turned_as_it_was_held(tmp_path):
    """It is another image than the one as stored, so the data set has another name."""
    names = []
    for turn in (1, 6):
        exif = Image.Exif()
        exif[0x0112] = turn
        folder = tmp_path / str(turn) / "photos"
        folder.mkdir(parents=True)
        Image.fromarray(np.arange(48 * 30 * 3, dtype=np.uint32).reshape(30, 48, 3).astype(np.uint8)).save(
            folder / "x.png", exif=exif
        )
        data = load_dataset(folder, shape=(3, 16, 16))
        with Image.open(folder / "x.png") as image:
            stored = np.asarray(image)
        seen = stored if turn == 1 else np.rot90(stored, -1)
        np.testing.assert_array_equal(data.pixels("x").transpose(1, 2, 0), defined_crop(seen, 16))
        names.append(data.name)
    assert names[0] != names[1]


def spoil(folder):
    """Eight files that no run can use beside a good one."""
    folder.mkdir()
    noise(folder / "good.png", (40, 40))
    (folder / "empty.png").write_bytes(b"")
    noise(folder / "cut.jpg", (80, 80))
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:900])
    noise(folder / "dot.png", (1, 1))
    noise(folder / "line.png", (1, 3000))
    deep_png(folder / "deep.png", 2)
    (folder / "page.jpg").write_text("<!DOCTYPE html>")
    (folder / "lfs.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    return folder


def test_a_run_and_doctor_name_all_bad_files_at_once(tmp_path):
    folder = spoil(tmp_path / "bad")
    run = bench("run", "--suite", build(tmp_path / "tiny"), "--images-dir", folder, "--images", 8)
    assert (
        run.exit_code == 2
        and "7 of 8 images cannot be used" in run.stderr
        and run.stderr.count("error:") == 1
    )
    doctor = bench("doctor", folder)
    assert doctor.exit_code == 1
    for name, said in {
        "empty.png": "the file is empty",
        "cut.jpg": "truncated",
        "dot.png": "size is 1 x 1 px",
        "line.png": "size is 1 x 3000 px",
        "deep.png": "more than 8 bits",
        "page.jpg": "a web page",
        "lfs.png": "Git LFS",
    }.items():
        assert any(name in line and said in line for line in doctor.stdout.splitlines()), name
    assert "good.png" not in doctor.stdout
    (folder / "good.png").rename(folder / "a.png")
    assert len(load_dataset(folder, shape=(1, 16, 16), most=1).ids) == 8, "a run needs what it uses, not all"


@pytest.mark.parametrize("channels", [2, 4])
def test_a_prior_of_other_channels_is_refused_in_words(tmp_path, channels):
    noise(tmp_path / "x.png", (30, 30))
    with pytest.raises(
        DataError, match=f"1 channel .grey. or 3 .colour., the prior's images have {channels}"
    ):
        load_dataset(tmp_path, shape=(channels, 16, 16))


def test_run_prints_what_becomes_of_the_pictures(phone, tmp_path):
    out = bench(
        *(
            "run",
            "--suite",
            build(tmp_path / "tiny"),
            "--images-dir",
            phone,
            "--solver",
            "pinv",
            "--task",
            "box",
        ),
        *("--out", tmp_path / "out", "--progress", "none", "--no-report"),
    )
    assert out.exit_code == 0, out.stderr
    assert "5 files skipped" in out.stderr and "3 of 4 photographs have colours and become grey" in out.stderr
