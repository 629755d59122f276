"""Synthetic public collections, and cards that pin lists of their images."""

import hashlib

import numpy as np
from PIL import Image

WNIDS = ("n01440764", "n02110958", "n03018349")

SIZES = {
    1: (400, 300),
    2: (255, 400),
    3: (256, 256),
    4: (530, 300),
    5: (300, 200),
    7: (640, 1100),
    9: (300, 260),
}
"""Number -> width and height; 2 and 5 are too small for the rule."""

LINES = [f"{WNIDS[1]}/ILSVRC2012_val_00000007.JPEG 1", f"{WNIDS[2]}/ILSVRC2012_val_00000002.JPEG 2"]

LIST = "\n".join(LINES)

RULED = [f"{WNIDS[k % 3]}/ILSVRC2012_val_{k:08}.JPEG {k % 3}" for k in (1, 3, 4, 7)]


def imagenet(folder, flat=False):
    """Some validation images, each of one colour with a little noise, number k in class k % 3."""
    rng = np.random.default_rng(0)
    for k, (w, h) in SIZES.items():
        place = folder if flat else folder / WNIDS[k % 3]
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(20 * k, 20 * k + 8, (h, w, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"ILSVRC2012_val_{k:08}.JPEG", quality=90)
    return folder


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def card(folder, name="mine", text=LIST, count=2, collection="imagenet", **more):
    """A card and, beside it, no list."""
    lines = ['kind = "listed"', f'collection = "{collection}"', "shape = [3, 256, 256]"]
    lines += ['preprocessing = "centre_crop"', f"count = {count}"]
    if text is None:
        lines += [f"{key} = {value}" for key, value in more.items()]
    else:
        entries = {"file": f'"{name}.txt"', "sha256": f'"{sha256(text)}"'} | more
        lines += ["[id_list]", *(f"{key} = {value}" for key, value in entries.items())]
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines))
    return path


def with_list(path, text=LIST):
    path.with_suffix(".txt").write_text(text)
    return path
