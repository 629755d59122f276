"""Draws unconditional samples of a prior into a grid, to be looked at.

python tools/sample_prior.py fashion32 --count 64 --steps 250 --out reports/prior_fashion32.png
"""

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.noise import StreamNoise, stream_key  # noqa: E402
from bench.priors import load_prior  # noqa: E402
from bench.schedule import ddim  # noqa: E402


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prior")
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--eta", type=float, default=1.0)
    parser.add_argument("--columns", type=int, default=12)
    parser.add_argument("--zoom", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    prior = load_prior(args.prior)
    noise = StreamNoise([stream_key("unconditional", i) for i in range(args.count)])
    levels = prior.schedule.levels(args.steps, "trailing")
    x = levels[0].std * noise.new(prior.shape)
    for t, s in pairwise(levels):
        x = ddim(x, prior.denoise(x, t), t, s, args.eta, noise.like(x))
    tiles = x.clamp(-1, 1).add(1).mul(127.5).round().byte()
    tiles = torch.nn.functional.pad(tiles, (1, 1, 1, 1), value=255)
    grid = torch.cat([torch.cat(list(row), 2) for row in tiles.split(args.columns)], 1)
    picture = Image.fromarray(grid.permute(1, 2, 0).squeeze(2).numpy())
    args.out.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((picture.width * args.zoom, picture.height * args.zoom), Image.Resampling.NEAREST).save(
        args.out
    )


if __name__ == "__main__":
    main()
