"""Measures our solvers beside those of deepinv and azula: the same network, batch and number of evaluations.

    pip install --target .peers --no-deps deepinv==0.5.0 torchmetrics lightning-utilities h5py natsort
    PYTHONPATH=.peers OMP_NUM_THREADS=1 python benchmarks/peers.py --json benchmarks/results/peers.json

Not part of any test. The folder keeps those packages out of the environment; torch is the same for all. A
method that a library lacks is left out. All call the network of the embedded prior, which counts. The
operator is one mask for all images, which costs nobody anything. Settings are each library's defaults but
for the number of evaluations.

Times are of the processor, for each evaluation: a solve of ours and one of each peer in turns, in an order
that turns too. A ratio is of one turn. Of the ratios the median is printed with its 95 % interval by ranks.
The adapters between a library and the network are measured beside the network alone.
Memory that is freed is kept, as a run has it, for all. Else a network call asks the system for thousands of
pages again; how many depends on what lies where in a process.
"""

import argparse
import json
import math
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
SIGMA = 0.05
Work = Callable[[], Tensor]
"""Makes a solve; the reconstruction is in [-1, 1]."""


class Counted(torch.nn.Module):
    """The network, which counts its calls."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network, self.calls = network, 0

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        self.calls += 1
        return self.network(x, index)


@dataclass
class PeerProblem:
    """Images, what was measured of them, and the network."""

    prior: Any
    network: Counted
    A: Any
    mask: Tensor
    """(1, *shape), that of all images."""
    x: Tensor
    y: Tensor


def main() -> None:
    """Reads the command line, prints one line per method and library, and keeps the numbers where asked."""
    sys.path[0] = str(ROOT)
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--methods", default=",".join(PEERS))
    parser.add_argument("--json", type=Path, help="what this file has of the methods is replaced")
    args = parser.parse_args()
    from bench.cli.running.allocation import keep_freed_memory

    keep_freed_memory()
    problem = make_problem(args.batch)
    setting = {"steps": args.steps, "batch": args.batch, "turns": args.turns} | where()
    print(", ".join(f"{name} {value}" for name, value in setting.items()))
    for library, (low, middle, high) in adapters(problem).items():
        print(f"adapter of {library} beside the network alone: {middle:.3f} [{low:.3f}, {high:.3f}]")
    for name in args.methods.split(","):
        rows = compare(problem, name, args.steps, args.turns)
        for row in rows:
            print("{method:8} ours / {peer:8} {ratio:.3f} [{low:.3f}, {high:.3f}]".format(**row), end="   ")
            print("{ours_ms:.1f} and {peer_ms:.1f} ms an evaluation".format(**row), end="   ")
            print("PSNR {ours_psnr:.1f} and {peer_psnr:.1f} dB".format(**row), flush=True)
        if args.json:
            keep(args.json, name, [row | setting for row in rows])


def where() -> dict[str, Any]:
    """The versions and the machine."""
    found: dict[str, Any] = {name: version(name) for name in ("torch", "deepinv", "azula")}
    return found | {"threads": torch.get_num_threads(), "machine": platform.machine()}


def keep(path: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Puts the rows of a method into a file, in place of what it had of that method."""
    before = json.loads(path.read_text()) if path.exists() else []
    others = [row for row in before if row["method"] != name]
    path.write_text(json.dumps(others + rows, indent=1) + "\n")


def make_problem(batch: int) -> PeerProblem:
    """A prior whose network is counted, images and their measurements under one mask."""
    from bench.data import load_dataset
    from bench.noise import StreamNoise
    from bench.operators import make_operator
    from bench.priors import load_prior

    prior: Any = load_prior("fashion32")
    prior.network = Counted(prior.network)
    data = load_dataset("fashion32")
    A: Any = make_operator("inpaint_random", prior.shape, [0] * batch).to(dtype=prior.dtype)
    x = torch.stack([data.image(image) for image in data.ids[:batch]]).to(prior.dtype)
    Ax = A(x)
    y = A.masked(Ax + SIGMA * StreamNoise(range(batch)).like(Ax))
    return PeerProblem(prior, prior.network, A, A.s[:1].clone(), x, y)


def compare(problem: PeerProblem, name: str, steps: int, turns: int) -> list[dict[str, Any]]:
    """A row for each library that has the method; one more turn comes before."""
    from benchmarks.overhead import interval

    works = {"ours": our_solve(problem, name, steps)}
    for library, solve in PEERS[name].items():
        works[library] = solve(problem, name, steps)
    quality = {library: psnr(problem, work()) for library, work in works.items()}
    spent = [turn(problem.network, works, k) for k in range(turns)]
    rows = []
    for library in PEERS[name]:
        low, middle, high = interval([one["ours"] / one[library] for one in spent])
        row = {"method": name, "peer": library, "ratio": middle, "low": low, "high": high}
        for key, who in (("ours", "ours"), ("peer", library)):
            row |= {
                f"{key}_ms": 1e3 * float(np.median([one[who] for one in spent])),
                f"{key}_psnr": quality[who],
            }
        rows.append(row)
    return rows


def turn(network: Counted, works: dict[str, Work], k: int) -> dict[str, float]:
    """Seconds of processor time per evaluation, of one solve of each, another one first each time."""
    names = list(works)
    first = k % len(names)
    return {name: per_call(network, works[name]) for name in names[first:] + names[:first]}


def per_call(network: Counted, work: Work) -> float:
    """Processor time of some work for each of its evaluations."""
    before, start = network.calls, time.process_time()
    work()
    return (time.process_time() - start) / (network.calls - before)


def psnr(problem: PeerProblem, x: Tensor) -> float:
    """The mean over images, in dB, which shows that a solve is one."""
    errors = (x.double().clamp(-1, 1) - problem.x.double()).square().flatten(1).mean(1)
    return float((10 * torch.log10(4 / errors)).mean())


def our_solve(problem: PeerProblem, name: str, steps: int) -> Work:
    """A solve as a run makes it."""
    from bench.noise import StreamNoise
    from bench.run.solve import solve
    from bench.solver import Measurement
    from bench.suites.methods import load_solver

    solver = load_solver(name).cls(steps=steps)

    def work() -> Tensor:
        given = Measurement(problem.y, problem.A, SIGMA)
        return solve(solver, given, problem.prior, StreamNoise(range(len(problem.y)))).x

    return work


def azula_solve(problem: PeerProblem, name: str, steps: int) -> Work:
    """A solve by azula, in float32 images in [-1, 1]."""
    from azula.guidance import DPSSampler, PGDMSampler
    from azula.guidance.diffpir import DiffPIRDenoiser
    from azula.sample import DDIMSampler

    y, mask, denoiser = problem.y, problem.mask, azula_denoiser(problem)
    how: dict[str, Any] = {"steps": steps, "silent": True}

    def A(x: Tensor) -> Tensor:
        return mask * x

    if name == "dps":
        sampler: Any = DPSSampler(denoiser, y=y, A=A, **how)
    elif name == "pigdm":
        sampler = PGDMSampler(denoiser, y=y, A=A, A_inv=A, **how)
    else:
        sampler = DDIMSampler(DiffPIRDenoiser(denoiser, y=y, A=A, var_y=SIGMA**2), **how)
    return lambda: sampler(sampler.init(problem.x.shape))


def azula_denoiser(problem: PeerProblem) -> Any:
    """The network as a denoiser of azula under a variance-preserving schedule."""
    from azula.denoise import Denoiser, DiracPosterior
    from azula.noise import VPSchedule

    class AzulaOurs(Denoiser):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.schedule = problem.network, VPSchedule()

        def forward(self, x_t: Tensor, t: Tensor, **_: Any) -> Any:
            alpha, sigma = self.schedule(t)
            out = self.network(x_t, (999 * t).reshape(1))
            return DiracPosterior(mean=(x_t - sigma * out) / alpha)

    return AzulaOurs()


def deepinv_solve(problem: PeerProblem, name: str, steps: int) -> Work:
    """A solve by deepinv, of images in [0, 1] and with a noise of half the size."""
    import deepinv

    shape = tuple(problem.prior.shape)
    noise = deepinv.physics.GaussianNoise(SIGMA / 2)
    physics = deepinv.physics.Inpainting(img_size=shape, mask=problem.mask, noise_model=noise)
    model = deepinv_model(deepinv_denoiser(problem), name, steps)
    y = problem.mask * (problem.y + 1) / 2
    return lambda: 2 * model(y.clone(), physics) - 1


def deepinv_model(denoiser: Any, name: str, steps: int) -> Any:
    """The library's method of that name that makes so many evaluations."""
    from deepinv import sampling
    from deepinv.optim.data_fidelity import L2

    if name == "ddrm":
        return sampling.DDRM(denoiser, sigmas=np.linspace(1, 0, steps))
    if name == "diffpir":
        return sampling.DiffPIR(denoiser, L2(), sigma=SIGMA / 2, max_iter=steps)
    if name == "dps":
        return sampling.DPS(denoiser, num_steps=steps + 1)
    solver = sampling.DDIMSolver(torch.linspace(1, 0, steps + 1, dtype=torch.float64), eta=1.0)
    sde = sampling.VariancePreservingDiffusion()
    # Without its clip this one overflows in few steps.
    return sampling.PosteriorDiffusion(sampling.PiGDMDataFidelity(clip=(0, 1)), denoiser, sde, solver)


def deepinv_denoiser(problem: PeerProblem) -> Any:
    """The network as a denoiser of x + sigma n, x in [0, 1]: of 2 x - 1 at the level of ratio 2 sigma."""
    from deepinv.models import Denoiser

    ratios = problem.prior.schedule.ratios
    logs, indices = np.log(ratios), np.arange(len(ratios))

    class DeepinvOurs(Denoiser):
        def __init__(self) -> None:
            super().__init__()
            self.network = problem.network

        def forward(self, x: Tensor, sigma: Tensor | float, *_: Any, **__: Any) -> Tensor:
            s = float(sigma.flatten()[0] if isinstance(sigma, Tensor) else sigma)
            index = np.interp(math.log(max(2 * s, ratios[0])), logs, indices)
            alpha = 1 / math.sqrt(1 + 4 * s**2)
            return x - s * self.network(2 * alpha * x - alpha, torch.full((1,), index))

    return DeepinvOurs()


def adapters(problem: PeerProblem, turns: int = 30) -> dict[str, tuple[float, float, float]]:
    """Processor time of a call of a library's denoiser over one of the network, as intervals."""
    from benchmarks.overhead import interval

    x, t = torch.randn_like(problem.x), torch.tensor(0.5)
    index = torch.full((1,), 500.0)
    azula, deepinv = azula_denoiser(problem), deepinv_denoiser(problem)
    works: dict[str, Work] = {
        "the network": lambda: problem.network(x, index),
        "azula": lambda: azula(x, t).mean,
        "deepinv": lambda: deepinv(x, 0.5),
    }
    with torch.no_grad():
        spent = [turn(problem.network, works, k) for k in range(turns + 3)][3:]
    ratios = {}
    for name in ("azula", "deepinv"):
        ratios[name] = interval([one[name] / one["the network"] for one in spent])
    return ratios


PEERS: dict[str, dict[str, Callable[[PeerProblem, str, int], Work]]] = {
    "dps": {"deepinv": deepinv_solve, "azula": azula_solve},
    "ddrm": {"deepinv": deepinv_solve},
    "diffpir": {"deepinv": deepinv_solve, "azula": azula_solve},
    "pigdm": {"deepinv": deepinv_solve, "azula": azula_solve},
}
"""The libraries that have a method. None has DDNM."""

if __name__ == "__main__":
    main()
