"""Photographs of one's own, without a card: a run on the images of a folder.

    python examples/own_photographs.py                 # writes into results/own_photographs
    python examples/own_photographs.py FOLDER

The script saves four photographs that come with scikit-image in FOLDER/photographs, where yours may lie.
Then it solves them, as this command does, and prints the PSNR of each:

    python -m bench run --task inpaint_box --solver ddrm --images-dir FOLDER/photographs --out FOLDER/run

The embedded prior has only seen grey clothes of 32 x 32 pixels. The photographs are cropped and reduced to
that, so their numbers mean nothing. docs/images_256.md names the priors of photographs.
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image
from skimage.data import astronaut, cat, coffee, rocket

from bench.records import load

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/own_photographs")
photographs = folder / "photographs"
photographs.mkdir(parents=True, exist_ok=True)
pictures = {"astronaut": astronaut(), "cat": cat(), "coffee": coffee(), "rocket": rocket()}
for name, pixels in pictures.items():
    Image.fromarray(pixels).save(photographs / f"{name}.png")

command = [sys.executable, "-m", "bench", "run", "--task", "inpaint_box", "--solver", "ddrm"]
subprocess.run([*command, "--images-dir", photographs, "--out", folder / "run"], check=True)  # noqa: S603

records = load(folder / "run")
print(records[["image", "label", "psnr"]].round(2).to_string(index=False))
