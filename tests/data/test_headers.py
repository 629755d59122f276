"""Headers and ends of image files say what a run would refuse, all of it at once."""

import numpy as np
import pytest
from PIL import Image

from bench.data import DataError
from bench.data.headers import decoding, is_whole, orientation, refuse_unusable, survey
from tests.photographs import deep_png, noise


def cut(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def accept(path, image):
    pass


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "bmp", "tif"])
def test_a_whole_file_is_good_and_a_cut_one_is_named(tmp_path, kind):
    path = noise(tmp_path / f"x.{kind}", (90, 70))
    good, problems = survey([path], accept)
    assert good[path].size == (90, 70) and problems == []
    good, problems = survey([cut(path)], accept)
    assert good == {} and len(problems) == 1 and "not a readable image" in problems[0]


def test_whole_files_are_not_decoded(tmp_path, monkeypatch):
    files = [noise(tmp_path / f"x.{kind}", (64, 64)) for kind in ("png", "jpg", "webp")]
    for file in files:
        with Image.open(file) as image:
            assert is_whole(file, image)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    assert len(survey(files, accept)[0]) == 3


def test_what_follows_the_end_of_a_photograph_does_no_harm(tmp_path):
    """A phone appends a film to a JPEG."""
    path = noise(tmp_path / "x.jpg", (64, 64))
    path.write_bytes(path.read_bytes() + b"film" * 99)
    assert survey([path], accept)[1] == []


def test_more_than_8_bits_are_refused_in_every_mode(tmp_path):
    """Pillow cuts colours to 8 bits without a word."""
    deep = [deep_png(tmp_path / f"{kind}.png", kind) for kind in (2, 6)]
    Image.fromarray(np.full((30, 30), 40000, np.uint16)).save(tmp_path / "grey.png")
    for path in [*deep, tmp_path / "grey.png"]:
        with pytest.raises(DataError, match="more than 8 bits a channel"), decoding(path) as image:
            image.load()
    with Image.open(deep[0]) as image:
        assert image.mode == "RGB", "which is why the mode alone does not tell"


def test_orientation_is_read_before_the_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    for kind in ("png", "jpg", "webp"):
        noise(tmp_path / f"turned.{kind}", (30, 20), exif=exif)
        noise(tmp_path / f"upright.{kind}", (30, 20))
        for name, expected in (("turned", 8), ("upright", 1)):
            with Image.open(tmp_path / f"{name}.{kind}") as image:
                assert orientation(image) == expected


def test_all_problems_are_one_line(tmp_path):
    refuse_unusable([], 3)
    with pytest.raises(DataError, match=r"^only this$"):
        refuse_unusable(["only this"], 3)
    with pytest.raises(
        DataError, match=r"7 of 9 images cannot be used: 0; 1; 2; 3; 4; and 2 more, which `doctor`"
    ) as caught:
        refuse_unusable([str(k) for k in range(7)], 9)
    assert len(caught.value.problems) == 7
