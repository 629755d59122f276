"""Photographs are prepared to the last bit as their preprocessing is defined."""

import numpy as np
import pytest
from PIL import Image

from bench.data import DataError
from bench.data.preprocessing import centre_crop, prepare
from tests.photographs import PHOTOGRAPHS, defined_crop


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("astronaut.png", None),  # 512 x 512: halved once, then nothing is left to do
        ("astronaut.png", (511, 512)),  # not halved
        ("astronaut.png", (512, 511)),
        ("chelsea.png", None),  # 451 x 300
        ("coffee.png", (400, 599)),  # portrait
        ("hubble_deep_field.jpg", None),  # 1000 x 872: odd sides after halving
        ("hubble_deep_field.jpg", (1000, 533)),  # 533 is odd before it
        ("retina.jpg", (1024, 1024)),  # FFHQ's own size: twice halved
        ("retina.jpg", None),  # 1411 x 1411
        ("chelsea.png", (200, 150)),  # enlarged
        ("rocket.jpg", (258, 256)),
        ("rocket.jpg", (256, 257)),
    ],
)
def test_preprocessing_is_the_definition_to_the_last_bit(name, size):
    with Image.open(PHOTOGRAPHS / name) as image:
        image = image.convert("RGB")
    image = image.crop((0, 0, *size)) if size else image
    ours = np.asarray(centre_crop(image, 256))
    assert ours.shape == (256, 256, 3)
    np.testing.assert_array_equal(ours, defined_crop(np.asarray(image), 256))


def test_modes_are_converted_as_pillow_does_and_exif_is_ignored(tmp_path):
    with Image.open(PHOTOGRAPHS / "chelsea.png") as image:
        photo = image.convert("RGB")
    path, exif = tmp_path / "x.jpg", Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    photo.save(path, exif=exif, quality=95)
    with Image.open(path) as image:
        stored = np.asarray(image)
    assert stored.shape == (300, 451, 3)
    np.testing.assert_array_equal(prepare(path, (3, 256, 256)), defined_crop(stored, 256))

    photo.convert("L").save(path)
    grey = prepare(path, (3, 256, 256))
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 0] == grey[..., 2]).all()
    np.testing.assert_array_equal(prepare(path, (1, 256, 256)), grey[..., 0])

    photo.convert("CMYK").save(path, quality=95)
    assert np.abs(prepare(path, (3, 256, 256)).astype(int) - defined_crop(np.asarray(photo), 256)).mean() < 6

    for mode in ("P", "RGBA"):
        photo.convert(mode).save(tmp_path / "x.png")
        with Image.open(tmp_path / "x.png") as image:
            expected = defined_crop(np.asarray(image.convert("RGB")), 256)
        np.testing.assert_array_equal(prepare(tmp_path / "x.png", (3, 256, 256)), expected)

    Image.fromarray(np.full((300, 300), 40000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png: colour mode is I;16, more than 8 bits"):
        prepare(tmp_path / "deep.png", (3, 256, 256))
