"""Measurements of one's own, with no ground truth, suite or files: ``from bench import solve``."""

from typing import Any

from torch import Tensor

from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.operators.base import Operator
from bench.prior import Prior
from bench.priors import load_prior
from bench.run.solve import solve as run_solver
from bench.solver import Measurement, Solver, particles
from bench.suites.methods import build_solver, load_solver
from bench.suites.presets import resolve
from bench.system.device import full_precision

__all__ = ["load_prior", "make_operator", "make_solver", "solve"]


def make_solver(name: str, prior: Prior, task: str = "", preset: str | None = None, **params: Any) -> Solver:
    """A solver with the settings that a suite's row would have.

    Args:
        name: as of `run --solver`: ``dps``, ``pkg.mod:Class`` or ``file.py:Class``.
        task: the operator's name, since presets differ by it ("" for none of them).
        preset: None is "bench" where the solver has that for the prior, else its defaults.
        params: override the preset's.

    Raises:
        ValueError: no such solver, preset or parameter, or a value out of range.
    """
    settings = resolve(name, preset, prior.name, task, task)[1]
    return build_solver(
        load_solver(name), {**settings, **params}, lambda param: f"{name}.{param}" if param else name
    )


def solve(y: Tensor, A: Operator, sigma: float, prior: Prior, solver: Solver, seed: int = 0) -> Tensor:
    """The reconstructions of a batch, without TF32, as in a run.

    Args:
        y: (B, *m).
        A: one operator per row of y, as of `make_operator`.
        sigma: standard deviation of the noise in y, for images in [-1, 1].
        solver: as of `make_solver`, or an instance of a class in ``solvers``.
        seed: of the solver's noise; row i gets the same one in every batch.

    Returns:
        (B, *shape) in the prior's dtype, on its device; the first of several particles.

    Raises:
        ValueError: y does not fit A, A not the prior, or the solver does not take A.
    """
    if tuple(y.shape) != (len(A), *A.out_shape) or tuple(A.shape) != tuple(prior.shape):
        raise ValueError(
            f"y {tuple(y.shape)}, A: {len(A)} x {tuple(A.shape)} -> {tuple(A.out_shape)} and the prior's images "
            f"{tuple(prior.shape)} do not fit together"
        )
    if reason := solver.reject(A, prior):
        raise ValueError(reason)
    noise = StreamNoise(
        [stream_key("reconstruct", seed, i) for i in range(len(y))], prior.dtype, prior.device
    )
    measurement = Measurement(y.to(prior.device, prior.dtype), A.to(prior.device, prior.dtype), sigma)
    with full_precision():
        x = run_solver(solver, measurement, prior, noise).x
    return (x[:, 0] if particles(solver) > 1 else x).to(prior.device, prior.dtype)
