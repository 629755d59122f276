"""Makes the cards and contact sheets of fashion32 and fashion32_tune from the Fashion-MNIST test split.

    python tools/make_fashion32.py

A sheet that already shows the same pixels is left alone, since the compressed bytes differ between zlib
versions.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from fashion_mnist import images_and_labels  # noqa: E402

CLASSES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]

CARD = """\
# {title}
# Written by tools/make_fashion32.py.

kind = "sheet"
file = "{name}.png"
sha256 = "{sha256}"
shape = [1, 32, 32]
count = {count}
columns = {columns}
ids = "test-{{:05d}}"
first = {first}

source = "Fashion-MNIST, Xiao, Rasul & Vollgraf 2017, arXiv 1708.07747, https://github.com/zalandoresearch/fashion-mnist"
licence = "MIT, Copyright (c) 2017 Zalando SE"
split = "official test split, images {first} to {last}; \
the embedded prior was trained on the training split only"
preprocessing = "28 x 28 px padded with black to 32 x 32 (2 px on each side); values unchanged"
notes = "{notes}"

class_names = [{classes}]
labels = [
{labels}
]
"""

SETS = {
    "fashion32": (
        range(256),
        16,
        "What the suites evaluate.",
        "Presets were tuned on fashion32_tune (test images 1000 to 1063), never on these.",
    ),
    "fashion32_tune": (
        range(1000, 1064),
        8,
        "What presets were tuned on; no suite evaluates it.",
        "Disjoint from fashion32 (test images 0 to 255).",
    ),
}


def contact_sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Tiles images, (N, H, W) -> (N / columns H, columns W), row by row."""
    n, h, w = images.shape
    return images.reshape(n // columns, columns, h, w).swapaxes(1, 2).reshape(n // columns * h, columns * w)


def make(name: str) -> None:
    """Writes datasets/<name>.png and datasets/<name>.toml."""
    span, columns, title, notes = SETS[name]
    images, labels = (part[span.start : span.stop] for part in images_and_labels("t10k"))
    sheet, path = contact_sheet(images, columns), ROOT / "datasets" / f"{name}.png"
    if not path.exists() or not np.array_equal(np.asarray(Image.open(path)), sheet):
        Image.fromarray(sheet).save(path, optimize=True)
    rows = (labels[k : k + 16] for k in range(0, len(labels), 16))
    card = CARD.format(
        name=name,
        title=title,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        count=len(span),
        columns=columns,
        first=span.start,
        last=span[-1],
        notes=notes,
        classes=", ".join(f'"{c}"' for c in CLASSES),
        labels="\n".join("    " + " ".join(f"{label}," for label in row) for row in rows),
    )
    path.with_suffix(".toml").write_text(card)


if __name__ == "__main__":
    for dataset in SETS:
        make(dataset)
