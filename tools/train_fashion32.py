"""Trains the embedded diffusion prior on the Fashion-MNIST training split; resumable at any point.

    python tools/train_fashion32.py            # train; run again after a stop and it goes on
    python tools/train_fashion32.py --export   # write bench/priors/fashion32.* from the last checkpoint

Batches, noise and time steps are functions of (seed, step), so a resumed run sees what an uninterrupted one
sees.
"""

import argparse
import copy
import hashlib
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from fashion_mnist import FOLDER, images_and_labels  # noqa: E402

from bench.priors.unet import build_unet  # noqa: E402
from bench.schedule import VPSchedule  # noqa: E402

ARCHITECTURE = {
    "image_size": 32,
    "channels": 1,
    "learn_sigma": False,
    "num_channels": 32,
    "channel_mult": (1, 2, 2),
    "num_res_blocks": 1,
    "attention_resolutions": (8,),
    "num_head_channels": 32,
    "use_scale_shift_norm": True,
    "resblock_updown": False,
}
BATCH, LR, WARM_UP, EMA, SEED = 32, 1e-3, 200, 0.999, 0


def to_unit(images: np.ndarray) -> Tensor:
    """(N, 32, 32) uint8 to (N, 1, 32, 32) in [-1, 1]."""
    return torch.from_numpy(images).float()[:, None] / 127.5 - 1


def batch(data: Tensor, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images, indices and noise of one training step."""
    per_epoch = len(data) // BATCH
    order = np.random.default_rng([SEED, step // per_epoch]).permutation(len(data))
    first = step % per_epoch * BATCH
    generator = torch.Generator().manual_seed((SEED << 32) + step)
    x0 = data[order[first : first + BATCH]]
    return x0, torch.randint(1000, (BATCH,), generator=generator), torch.randn(x0.shape, generator=generator)


@torch.no_grad()
def held_out_mse(network: nn.Module, data: Tensor, abar: Tensor, rounds: int = 4) -> list[float]:
    """Mean squared error of eps on the images, overall and then by quarter of t.

    The levels t are spread evenly over 0 .. 999.
    """
    generator = torch.Generator().manual_seed(1)
    index = torch.linspace(0, 999, len(data)).round().long()
    errors = []
    for k in range(rounds):
        x0 = data.roll(k * len(data) // rounds, 0)
        eps = torch.randn(x0.shape, generator=generator)
        a = abar[index].view(-1, 1, 1, 1)
        x = a.sqrt() * x0 + (1 - a).sqrt() * eps
        out = torch.cat([network(x[i : i + 64], index[i : i + 64]) for i in range(0, len(x), 64)])
        errors.append((out - eps).square().mean((1, 2, 3)))
    error = torch.stack(errors).mean(0)
    return [float(error.mean()), *(float(q.mean()) for q in error.chunk(4))]


def train(args: argparse.Namespace) -> None:
    """Runs or resumes the training until ``args.images`` images were seen."""
    args.work.mkdir(parents=True, exist_ok=True)
    data = to_unit(images_and_labels("train", args.data)[0])
    held_out = to_unit(images_and_labels("t10k", args.data)[0][:256])
    abar = torch.from_numpy(VPSchedule().abar).float()
    torch.manual_seed(SEED)
    network = build_unet(**ARCHITECTURE).train().to(memory_format=torch.channels_last)
    ema = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=LR, betas=(0.9, 0.99), weight_decay=0)
    steps, start, spent = args.images // BATCH, 0, 0.0
    checkpoint = args.work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        ema.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        start, spent = state["step"], state["cpu_seconds"]
    forward = torch.compile(network) if args.compile else network
    clock = time.process_time() - spent
    for step in range(start, steps):
        for group in optimiser.param_groups:
            group["lr"] = (
                LR
                * min(1, (step + 1) / WARM_UP)
                * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))
            )
        x0, index, eps = batch(data, step)
        a = abar[index].view(-1, 1, 1, 1)
        x = (a.sqrt() * x0 + (1 - a).sqrt() * eps).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            out = forward(x, index)
        (out.float() - eps).square().mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        decay = min(EMA, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(network.parameters()), 1 - decay)
        if (step + 1) % args.every == 0 or step + 1 == steps:
            row = {"images": (step + 1) * BATCH, "cpu_seconds": round(time.process_time() - clock, 1)}
            row["held_out_mse"] = [round(e, 5) for e in held_out_mse(ema, held_out, abar)]
            with (args.work / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            state = {
                "network": network.state_dict(),
                "ema": ema.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step + 1,
                "cpu_seconds": time.process_time() - clock,
            }
            torch.save(state, checkpoint.with_suffix(".tmp"))
            checkpoint.with_suffix(".tmp").replace(checkpoint)


def export(args: argparse.Namespace) -> None:
    """Writes the averaged weights in fp16 and their card, with the held-out error of these weights."""
    state = torch.load(args.work / "checkpoint.pt", weights_only=True)
    half = {name: value.half().contiguous() for name, value in state["ema"].items()}
    network = build_unet(**ARCHITECTURE)
    network.load_state_dict({name: value.float() for name, value in half.items()})
    held_out = to_unit(images_and_labels("t10k", args.data)[0][:256])
    errors = held_out_mse(network, held_out, torch.from_numpy(VPSchedule().abar).float())
    folder = ROOT / "bench" / "priors"
    save_file(half, folder / "fashion32.safetensors")
    sha256 = hashlib.sha256((folder / "fashion32.safetensors").read_bytes()).hexdigest()
    card = CARD.format(
        sha256=sha256,
        architecture="\n".join(f"{key} = {json.dumps(value)}" for key, value in ARCHITECTURE.items()),
        parameters=sum(value.numel() for value in half.values()),
        seen=state["step"] * BATCH,
        history=args.history,
        minutes=round(state["cpu_seconds"] / 60),
        mse=errors[0],
        quarters=[round(e, 4) for e in errors[1:]],
        torch=torch.__version__,
    )
    (folder / "fashion32.toml").write_text(card)


CARD = """\
# The embedded prior: an unconditional diffusion model of Fashion-MNIST images, zero-padded to 32 x 32.

name = "fashion32"
file = "fashion32.safetensors"   # fp16, averaged weights, guided-diffusion names
sha256 = "{sha256}"
licence = "MIT"
parameters = {parameters}

[architecture]                   # of the guided-diffusion U-Net; attention_resolutions in pixels
{architecture}

[schedule]                       # linear betas
T = 1000
beta_min = 1e-4
beta_max = 2e-2

[training]                       # tools/train_fashion32.py
data = "Fashion-MNIST, official training split (60,000 images), nothing else"
prediction = "noise"
images_seen = {seen}
history = "{history}"
cpu_core_minutes = {minutes}           # compilation and held-out evaluations included
optimiser = "AdamW, lr 1e-3, warm-up 200, cosine to 2 %, betas (0.9, 0.99), batch 32, clip 1, \
EMA 0.999, bf16 autocast"
held_out_eps_mse = {mse:.4f}        # test images 0-255, t spread evenly over 0..999, of the fp16 weights
held_out_by_quarter = {quarters}
torch = "{torch}"
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=int, default=384_000, help="training images to see in all; the schedule ends there"
    )
    parser.add_argument(
        "--data", type=Path, default=FOLDER, help="folder of the idx files; downloaded where missing"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "results" / "training" / "fashion32")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--history", default="in one run", help="for the card: how the images were seen")
    parser.add_argument(
        "--export", action="store_true", help="write the card and the fp16 weights instead of training"
    )
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    parser.add_argument("--no-bf16", dest="bf16", action="store_false")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    export(args) if args.export else train(args)


if __name__ == "__main__":
    main()
