"""Runs all methods at 3 x 256 x 256 with the FFHQ network on a CPU; seconds and memory.

    python benchmarks/full_size.py [--out DIR] [--task NAME ...]

Photographs of scikit-image go through `python -m bench run` and the report, two to four steps per solver.
The weights are random, so the scores mean nothing; shapes, memory and seconds are those of the real network.
The benchmark fails above 12 GB. A run that was stopped goes on in the same folder.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import skimage.data
import torch
from PIL import Image
from safetensors.torch import save_file

from bench.priors import read_card
from bench.priors.unet import build_unet
from bench.records.table import load
from bench.system.cache import sha256

ROOT = Path(__file__).resolve().parents[1]
LIMIT_MB = 12_000
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")

PRIOR = """\
name = "ffhq256_random"
file = "{file}"
sha256 = "{sha256}"

{rest}"""

SUITE = """\
name: full_size
title: Two to four steps at 256 x 256 with random weights; the scores mean nothing
dataset: {folder}/photographs
prior: {folder}/ffhq256_random.toml
images: 3
features: true

tasks:
  - {{name: inpaint_box, operator: inpaint_box, sigma: 0.05}}
  - {{name: inpaint_random, operator: inpaint_random, sigma: 0.05}}
  - {{name: sr_average4, operator: sr_average4, sigma: 0.05}}
  - {{name: sr_bicubic4, operator: sr_bicubic4, sigma: 0.05}}
  - {{name: blur_gauss, operator: blur_gauss, params: {{taps: 61, std: 3.0}}, sigma: 0.05}}
  - {{name: blur_motion, operator: blur_motion, sigma: 0.05}}
  - {{name: blur_circular, operator: blur_circular, sigma: 0.05}}
  - {{name: grey, operator: grey, sigma: 0.05}}
  - {{name: compressed_sensing, operator: compressed_sensing, sigma: 0.05}}
  - {{name: hdr, operator: hdr, sigma: 0.05}}
  - {{name: phase_retrieval, operator: phase_retrieval, sigma: 0.05}}
  - {{name: jpeg, operator: jpeg, sigma: 0.05}}
  - {{name: quantise, operator: quantise, sigma: 0}}

# A solver costs at least three evaluations of the network a task: each meets some operators of its kind.
solvers:
  - {{solver: pinv}}        # this and the next on three images, as many as FID and KID need
  - {{solver: ddrm, params: {{steps: 2}}, tasks: [sr_bicubic4]}}
  - solver: ddnm
    images: 1
    params: {{steps: 2}}
    tasks: [sr_average4, inpaint_random, blur_gauss, blur_circular, grey, compressed_sensing]
  - {{solver: diffpir, images: 1, params: {{steps: 2}}, tasks: [sr_average4, blur_motion]}}
  - {{solver: mcg, images: 1, params: {{steps: 2}}, tasks: [inpaint_box]}}
  - {{solver: dps, images: 1, params: {{steps: 2}}, tasks: [sr_average4, phase_retrieval]}}
  - {{solver: pigdm, images: 1, params: {{steps: 2}}, tasks: [hdr, jpeg, quantise]}}
  - {{solver: red_diff, images: 1, params: {{steps: 2}}, tasks: [hdr]}}
  - {{solver: daps, images: 1, params: {{steps: 2, ode_steps: 1, langevin_steps: 10}}, tasks: [hdr]}}
  - {{solver: mmps, images: 1, params: {{steps: 2, iterations: 2}}, tasks: [blur_gauss]}}
  - {{solver: tmpd, images: 1, params: {{steps: 2}}, tasks: [sr_bicubic4]}}
  - {{solver: flower, images: 1, params: {{steps: 2}}, tasks: [blur_motion]}}
  - {{solver: pnp_flow, images: 1, params: {{steps: 2, draws: 2}}, tasks: [phase_retrieval]}}
  - {{solver: ot_ode, images: 1, params: {{steps: 2}}, tasks: [inpaint_random]}}
  - {{solver: pnp_dm, images: 1, params: {{steps: 4, levels: 2}}, tasks: [compressed_sensing]}}
  - {{solver: sitcom, images: 1, params: {{steps: 4, iterations: 2}}, tasks: [phase_retrieval]}}
  - {{solver: dcdp, images: 1, params: {{steps: 2, ode_steps: 1, inner: 10}}, tasks: [hdr]}}
  - {{solver: dsg, images: 1, params: {{steps: 2}}, tasks: [grey]}}
  - {{solver: lgd_mc, images: 1, params: {{steps: 2}}, tasks: [hdr]}}
  - {{solver: repaint, images: 1, params: {{steps: 4, repeats: 2}}, tasks: [inpaint_box]}}
  - {{solver: fps_smc, images: 1, params: {{steps: 2, particles: 2}}, tasks: [sr_average4]}}
  - {{solver: dds, images: 1, params: {{steps: 2}}, tasks: [blur_circular]}}
  - {{solver: scg, images: 1, params: {{steps: 4, candidates: 2}}, tasks: [jpeg]}}
  - {{solver: dps_gsg, images: 1, params: {{steps: 2, queries: 4}}, tasks: [quantise]}}
"""


def main() -> None:
    """Runs the suite, prints its costs by solver, and compares DPS with and without recomputation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, help="keep everything in this folder, which may hold a part of it already"
    )
    parser.add_argument(
        "--task", action="append", default=[], metavar="NAME", help="only this task, without the comparison"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.out or Path(scratch)).resolve()
        suite = prepare(folder)
        tasks: list[str] = []
        for task in args.task:
            tasks += ["--task", task]
        run(suite, folder / "run", *tasks)
        print_costs(folder / "run")
        if not args.task:
            compare_recomputation(suite, folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    print(f"peak resident memory of a process: {peak:.0f} MB")
    if peak > LIMIT_MB:
        sys.exit(f"that is more than {LIMIT_MB} MB")


def prepare(folder: Path) -> Path:
    """Fills a folder with photographs, weights, a card and a suite; the suite's path."""
    (folder / "photographs").mkdir(parents=True, exist_ok=True)
    for name in PHOTOGRAPHS:
        Image.fromarray(getattr(skimage.data, name)()).save(folder / "photographs" / f"{name}.png")
    card, place = read_card("ffhq256_uncond")
    weights = folder / "random.safetensors"
    save_file(random_state(card.architecture.model_dump(exclude_unset=True)), weights)
    text = place.read_text()
    rest = text[text.index("[architecture]") :]
    (folder / "ffhq256_random.toml").write_text(
        PRIOR.format(file=weights.name, sha256=sha256(weights), rest=rest)
    )
    suite = folder / "full_size.yaml"
    suite.write_text(SUITE.format(folder=folder))
    return suite


def random_state(architecture: dict) -> dict[str, torch.Tensor]:
    """The weights of a `random_network` by name."""
    return random_network(architecture).state_dict()


def random_network(architecture: dict) -> torch.nn.Module:
    """Builds a network with random weights.

    Weights that the architecture starts at zero, the last layer's among them, are small instead. So every
    layer matters, gradients pass through all of them, and the predicted noise is of about its true size.
    """
    torch.manual_seed(0)
    network = build_unet(**architecture)
    for value in network.state_dict().values():
        if value.ndim > 1 and not value.any():
            value.normal_(std=value[0].numel() ** -0.5)
    return network


def run(suite: Path, out: Path, *options: str) -> None:
    """Calls `python -m bench run`, one image at a time, in a process of its own.

    Raises:
        CalledProcessError: it did not end well.
    """
    command = [sys.executable, "-m", "bench", "run", "--suite", str(suite), "--out", str(out), "--batch", "1"]
    subprocess.run([*command, "--progress", "plain", *options], check=True, cwd=ROOT)  # noqa: S603


def print_costs(folder: Path) -> None:
    """Prints, by solver, means of evaluations, vjps, seconds and memory per image, and the images."""
    table = load(folder)
    solved = table[table["status"] == "ok"].groupby("label", sort=False)
    columns = {"nfe": "NFE", "vjps": "vjps", "seconds": "s/image", "peak_memory_mb": "MB above the weights"}
    means = solved[list(columns)].mean().rename(columns=columns).round(1)
    print(means.assign(images=solved.size()).to_string())


def compare_recomputation(suite: Path, folder: Path) -> None:
    """Prints the memory of a DPS step that keeps or recomputes its activations, and of one without a vjp."""
    options = ["--task", "sr_average4", "--solver", "dps.steps=1", "--recompute", "--no-report"]
    run(suite, folder / "recomputed", *options)
    kept = load(folder / "run").query("task == 'sr_average4'").set_index("label")["peak_memory_mb"]
    again = load(folder / "recomputed")["peak_memory_mb"].item()
    dps = f"DPS {kept['dps']:.0f} MB, activations recomputed {again:.0f} MB"
    print(f"above the weights: {dps}; DDNM {kept['ddnm']:.0f} MB")


if __name__ == "__main__":
    main()
