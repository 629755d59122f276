"""Scores a grid of hyper-parameters per solver and task on datasets/fashion32_tune, which no suite evaluates.

    python tools/tune_presets.py dps --tasks inpaint_box sr_average4

Every solver gets four candidates, PiGDM three. One line per candidate: PSNR, SSIM and data misfit, means over
the images; the presets in solvers/NAME.yaml hold the best PSNR.
"""

import argparse
import json
import sys
from itertools import product
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.data import load_dataset  # noqa: E402
from bench.likelihood import Gaussian, make_noise  # noqa: E402
from bench.metrics.image import misfit, psnr, ssim  # noqa: E402
from bench.noise import StreamNoise, stream_key  # noqa: E402
from bench.operators import make_operator  # noqa: E402
from bench.priors import load_prior  # noqa: E402
from bench.solver import Measurement  # noqa: E402
from bench.suites.methods import load_solver  # noqa: E402
from bench.suites.suite import load_suite  # noqa: E402

GRIDS = {
    "ddrm": {"steps": [20], "eta": [0.5, 0.7, 0.85, 1.0]},
    "pigdm": {"steps": [100], "coefficient": ["paper", "nvlabs", "score"]},
    "dps": {"steps": [100], "zeta": [1.0, 2.0, 4.0, 8.0]},
    "mcg": {"steps": [100], "zeta": [0.5, 1.0, 2.0, 4.0]},
    "ddnm": {"steps": [100], "eta": [0.5, 0.7, 0.85, 1.0]},
    "diffpir": {"steps": [100], "lam": [1.0, 4.0], "zeta": [0.3, 1.0]},
    "daps": {"steps": [100], "tau": [0.02], "ode_steps": [2, 5], "lr": [2e-4, 4e-4]},
    "red_diff": {"steps": [100], "lr": [0.1, 0.3], "lam": [0.25, 1.0]},
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("solver", choices=list(GRIDS))
    parser.add_argument(
        "--tasks", nargs="+", help="task names of the linear and nonlinear suites; default all"
    )
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument(
        "--set", nargs="*", default=[], help="name=v1,v2 replaces a grid axis, e.g. steps=1000 lr=0.05,0.1"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "tuning.jsonl")
    args = parser.parse_args()
    grid, solver_class = dict(GRIDS[args.solver]), load_solver(args.solver).cls
    grid |= {
        name: [json.loads(v) if v[0] in "-.0123456789" else v for v in values.split(",")]
        for name, values in (item.split("=") for item in args.set)
    }
    prior, data = load_prior("fashion32"), load_dataset("fashion32_tune")
    ids = data.ids[: args.images]
    x = torch.stack([data.image(i) for i in ids])
    tasks = [task for suite in ("linear", "nonlinear", "noises") for task in load_suite(suite).tasks]
    for task in tasks:
        if args.tasks and task.name not in args.tasks:
            continue
        seeds = [stream_key("tune", task.operator, i) % 2**63 for i in ids]
        A = make_operator(task.operator, prior.shape, seeds, **task.params).to(dtype=torch.float32)
        model = make_noise(**task.noise.model_dump()) if task.noise else Gaussian(task.noise_std)
        y = A.masked(model.draw(A(x), StreamNoise([stream_key("tune-noise", i) for i in ids])))
        for values in product(*grid.values()):
            params = dict(zip(grid, values, strict=True))
            solver = solver_class(**params)
            if solver.refuses(A, prior, model):
                continue
            noise = StreamNoise([stream_key("tune-x", i) for i in ids])
            *_, (xhat, *_) = solver.solve(Measurement(y, A, noise=model), prior, noise)
            row = {"task": task.name, "solver": args.solver, "params": params, "images": len(ids)}
            row |= {"psnr": psnr(xhat, x).mean().item(), "ssim": ssim(xhat, x).mean().item()}
            row["misfit"] = misfit(A, xhat, y, model).mean().item()
            args.out.parent.mkdir(parents=True, exist_ok=True)
            with args.out.open("a") as out:
                out.write(json.dumps(row) + "\n")
            scores = f"{row['psnr']:6.2f} dB  ssim {row['ssim']:.3f}  misfit {row['misfit']:.2f}"
            print(f"{task.name:16} {args.solver:8} {scores}  {params}", flush=True)


if __name__ == "__main__":
    main()
