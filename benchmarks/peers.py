"""Measures our solvers beside those of azula: the same network, batch and number of evaluations.

    OMP_NUM_THREADS=1 python benchmarks/peers.py --steps 20 --batch 8

Not part of any test. A method that azula lacks, or that does not run there, is left out. Both are measured in
processor time, a solve of ours and one of theirs in turns; ratios are of neighbours. All call the network of
the embedded prior, and it counts: a ratio is of times per evaluation.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
SIGMA = 0.05
OPERATOR = "inpaint_random"


class Counted(torch.nn.Module):
    """The network, which counts its calls."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network, self.calls = network, 0

    def forward(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.network(x, index)


class Differentiable:
    """A linear operator of ours as an operation of autograd."""

    def __init__(self, A: Any) -> None:
        class Apply(torch.autograd.Function):
            @staticmethod
            def forward(_: Any, x: torch.Tensor) -> torch.Tensor:
                return A(x)

            @staticmethod
            def backward(_: Any, u: torch.Tensor) -> torch.Tensor:
                return A.adjoint(u)

        self.apply = Apply.apply

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """A x."""
        return self.apply(x)


def main() -> None:
    """Reads the command line and prints one line per method and library."""
    sys.path.insert(0, str(ROOT))
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=20)
    args = parser.parse_args()
    from benchmarks.overhead import interval

    problem = make_problem(args.batch)
    for name, peers in {"dps": azula_peers, "pigdm": azula_peers, "diffpir": azula_peers}.items():
        ours = our_solve(problem, name, args.steps)
        for library, theirs in peers(problem, name, args.steps).items():
            ratios = [ratio(problem["network"], ours, theirs, turn) for turn in range(args.turns + 1)][1:]
            low, middle, high = interval(ratios)
            print(f"{name:8} ours / {library}: {middle:.3f} [{low:.3f}, {high:.3f}]", flush=True)


def make_problem(batch: int) -> dict[str, Any]:
    """A prior whose network is counted, and measurements."""
    from bench.noise import StreamNoise
    from bench.operators import make_operator
    from bench.priors import load_prior

    prior: Any = load_prior("fashion32")
    prior.network = Counted(prior.network)
    A = make_operator(OPERATOR, prior.shape, range(batch)).to(dtype=prior.dtype)
    noise = StreamNoise(range(batch))
    x = noise.uniform(prior.shape) * 2 - 1
    Ax = A(x)
    return {
        "prior": prior,
        "network": prior.network,
        "A": A,
        "y": Ax + SIGMA * noise.like(Ax),
        "batch": batch,
    }


def our_solve(problem: dict[str, Any], name: str, steps: int) -> Callable[[], Any]:
    """A solve as a run makes it."""
    from bench.noise import StreamNoise
    from bench.run.solve import solve
    from bench.solver import Measurement
    from bench.suites.methods import load_solver

    solver = load_solver(name).cls(steps=steps)

    def work() -> Any:
        given = Measurement(problem["y"], problem["A"], SIGMA)
        return solve(solver, given, problem["prior"], StreamNoise(range(problem["batch"])))

    return work


def azula_peers(problem: dict[str, Any], name: str, steps: int) -> dict[str, Callable[[], Any]]:
    """A solve by azula; none where it has no such method."""
    from azula.guidance import DPSSampler, PGDMSampler
    from azula.guidance.diffpir import DiffPIRDenoiser
    from azula.sample import DDIMSampler

    denoiser = azula_denoiser(problem)
    y, A, forward = problem["y"], problem["A"], Differentiable(problem["A"])
    if name == "dps":
        sampler: Any = DPSSampler(denoiser, y=y, A=forward, steps=steps, silent=True)
    elif name == "pigdm":
        sampler = PGDMSampler(denoiser, y=y, A=forward, A_inv=A.pinv, steps=steps, silent=True)
    else:
        guided = DiffPIRDenoiser(denoiser, y=y, A=forward, var_y=SIGMA**2)
        sampler = DDIMSampler(guided, steps=steps, silent=True)

    def work() -> Any:
        return sampler(sampler.init(y.shape[:1] + tuple(problem["prior"].shape)).float())

    return {"azula": work}


def azula_denoiser(problem: dict[str, Any]) -> Any:
    """The network as a denoiser of azula under a variance-preserving schedule."""
    from azula.denoise import Denoiser, DiracPosterior
    from azula.noise import VPSchedule

    class Ours(Denoiser):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.schedule = problem["network"], VPSchedule()

        def forward(self, x_t: torch.Tensor, t: torch.Tensor, **_: Any) -> Any:
            alpha, sigma = self.schedule(t)
            out = self.network(x_t, (999 * t).reshape(1).float())
            return DiracPosterior(mean=(x_t - sigma * out) / alpha)

    return Ours()


def ratio(network: Counted, ours: Callable[[], Any], theirs: Callable[[], Any], turn: int) -> float:
    """Our processor time per evaluation over theirs, for neighbours."""
    order = (ours, theirs) if turn % 2 else (theirs, ours)
    spent = {work: per_call(network, work) for work in order}
    return spent[ours] / spent[theirs]


def per_call(network: Counted, work: Callable[[], Any]) -> float:
    """Processor time of some work for each of its evaluations."""
    before, start = network.calls, time.process_time()
    work()
    return (time.process_time() - start) / (network.calls - before)


if __name__ == "__main__":
    main()
