"""A data set and a prior that run in seconds, two tasks, and solvers that misbehave on purpose.

Eight 16 x 16 images and an untrained network.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from bench.priors.network import NetworkPrior
from bench.priors.unet import build_unet

ARCHITECTURE = {
    "image_size": 16,
    "channels": 1,
    "learn_sigma": False,
    "num_channels": 32,
    "channel_mult": [1, 1],
    "num_res_blocks": 1,
    "attention_resolutions": [8],
    "num_head_channels": 32,
    "use_scale_shift_norm": True,
    "resblock_updown": False,
}

PRIOR = """
name = "tiny"
file = "tiny.safetensors"
sha256 = "{sha256}"
[architecture]
image_size = 16
channels = {channels}
learn_sigma = false
num_channels = 32
channel_mult = [1, 1]
num_res_blocks = 1
attention_resolutions = [8]
num_head_channels = 32
use_scale_shift_norm = true
resblock_updown = false
[schedule]
T = 1000
beta_min = 1e-4
beta_max = 2e-2
"""

SUITE = """\
name: tiny
dataset: {folder}/images.toml
prior: {folder}/tiny.toml
images: 4
tasks:
  - {{name: box, operator: inpaint_box, sigma: 0.05}}
  - {{name: box2, operator: inpaint_box, sigma: 0.1}}
solvers:
  - {{solver: pinv}}
  - {{solver: red_diff, params: {{steps: 4, lr: 0.3}}}}
  - {{solver: dps, params: {{steps: 4}}}}
  - {{solver: pigdm, params: {{steps: 4}}}}
  - {{solver: ddrm, params: {{steps: 4}}}}
  - {{solver: mcg, params: {{steps: 4}}}}
  - {{solver: ddnm, params: {{steps: 4}}}}
  - {{solver: diffpir, params: {{steps: 4}}}}
  - {{solver: daps, params: {{steps: 4, ode_steps: 2, langevin_steps: 5}}}}
"""

USER = '''\
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from bench.solver import Measurement, Noise, Prior, Solver, Step


@dataclass(frozen=True)
class Mine(Solver):
    """Does as it is told."""

    paper = "0000.00000"
    mode: Literal[
        "good", "slow", "raise", "exit", "nan", "nan_one", "interrupt", "oom", "shape", "tensor", "empty",
        "memory"
    ] = "good"
    steps: int = 3

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        y, A, _ = measurement
        x = noise.new(prior.shape)
        white = y.flatten(1).mean(1) > 0.5
        if self.mode == "empty":
            return
        if self.mode == "oom" and len(y) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if self.mode == "raise" and white.any():
            raise RuntimeError("white image")
        if self.mode == "exit" and white.any():
            sys.exit(0)
        for k in range(self.steps):
            if self.mode == "slow":
                time.sleep(0.2)
            if self.mode == "interrupt" and white.any():
                raise KeyboardInterrupt
            if self.mode == "memory":
                torch.ones(30_000_000).sum()
            x = 0.9 * x
            if k == 1 and self.mode in {"nan", "nan_one"}:
                x = torch.where((white | (self.mode == "nan"))[:, None, None, None], torch.nan, x)
            yield x if self.mode == "tensor" else Step(x[:, :, 1:] if self.mode == "shape" else x, x)
'''


def build(folder: Path) -> Path:
    """Fills the folder; the suite's path. The suite takes the first four of eight images; the last of the
    four is white."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    for k in range(8):
        pixels = np.full((16, 16), 255) if k == 3 else rng.integers(0, 128, (16, 16))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"im{k}.png")
    (folder / "images.toml").write_text('kind = "folder"\nfolder = "images"\nshape = [1, 16, 16]\n')
    torch.manual_seed(0)
    state = {k: v + 0.05 * torch.randn(v.shape) for k, v in build_unet(**ARCHITECTURE).state_dict().items()}
    data = save({k: v.contiguous() for k, v in state.items()})
    (folder / "tiny.safetensors").write_bytes(data)
    (folder / "tiny.toml").write_text(PRIOR.format(sha256=hashlib.sha256(data).hexdigest(), channels=1))
    (folder / "mine.py").write_text(USER)
    (folder / "tiny.yaml").write_text(SUITE.format(folder=folder))
    return folder / "tiny.yaml"


def tiny_prior() -> NetworkPrior:
    """An untrained network of that architecture, without files."""
    return NetworkPrior(build_unet(**ARCHITECTURE), (1, 16, 16))


def scored_by_psnr(suite: Path) -> Path:
    """The same suite without SSIM and LPIPS: their imports cost each process two seconds."""
    other = suite.with_name("psnr.yaml")
    other.write_text(suite.read_text().replace("images: 4", "images: 4\nmetrics: [psnr]"))
    return other
