"""Measurements of your own, with no ground truth, suite or files: ``from bench import solve``.

Fill the hole in a picture of a light square:

>>> import torch
>>> from bench import load_prior, make_operator, make_solver, solve
>>> prior = load_prior("fashion32")
>>> truth = torch.full((1, 1, 32, 32), -1.0, dtype=torch.float64)
>>> truth[:, :, 8:24, 8:24] = 0.5
>>> A = make_operator("inpaint_box", prior.shape, seeds=[0])
>>> y = A(truth)
>>> ddrm = make_solver("ddrm", prior, "inpaint_box", steps=10)
>>> x = solve(y, A, sigma=0.05, prior=prior, solver=ddrm)
>>> tuple(x.shape)
(1, 1, 32, 32)
>>> bool((A(x.double()) - y).abs().mean() < 0.05)
True
"""

from typing import Any

from torch import Tensor

from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.operators.base import Operator
from bench.prior import Prior, require_sigma
from bench.priors import load_prior
from bench.run.solve import solve as run_solver
from bench.solver import Measurement, Solver, particles
from bench.suites.methods import build_solver, check_fields, load_solver
from bench.suites.presets import resolve
from bench.system.device import full_precision

__all__ = ["load_prior", "make_operator", "make_solver", "solve"]


def make_solver(name: str, prior: Prior, task: str = "", preset: str | None = None, **params: Any) -> Solver:
    """Makes a solver with the settings that a suite's row would have.

    Args:
        name: ``dps``, ``pkg.mod:Class`` or ``file.py:Class``, as in `run --solver`.
        task: the operator's name, since presets differ by it ("" for none of them).
        preset: a preset's name; None is "bench" where the solver has that for the prior, else no preset.
        params: settings that override those of the preset.

    Raises:
        ValueError: no such solver, preset or parameter, or a value out of range.
    """
    settings = resolve(name, preset, prior.name, task, task)[1]

    def where(param: str = "") -> str:
        return f"{name}.{param}" if param else name

    return build_solver(load_solver(name), {**settings, **params}, where)


def solve(y: Tensor, A: Operator, sigma: float, prior: Prior, solver: Solver, seed: int = 0) -> Tensor:
    """Reconstructs a batch of images, without TF32, as in a run.

    Args:
        y: measurements, (B, *m).
        A: one operator per row of y, made by `make_operator`.
        sigma: standard deviation of the noise in y, for images in [-1, 1].
        solver: made by `make_solver`, or an instance of a class in ``solvers``.
        seed: of the solver's noise; row i gets the same noise in every batch.

    Returns:
        (B, *shape) in the prior's dtype, on its device; the first of several particles.

    Raises:
        ValueError: y does not fit A, A not the prior, the solver does not take A, or one of its fields is of
            another type than declared or out of range; sigma is negative or not finite; or the result is not
            finite: then the message names the images and the steps.
    """
    require_sigma(sigma)
    given, out_shape, shape = tuple(y.shape), tuple(A.out_shape), tuple(A.shape)
    if given != (len(A), *out_shape) or shape != tuple(prior.shape):
        raise ValueError(
            f"y {given}, A: {len(A)} x {shape} -> {out_shape} and the prior's images "
            f"{tuple(prior.shape)} do not fit together"
        )
    check_fields(solver)
    if reason := solver.reject(A, prior):
        raise ValueError(reason)
    keys = [stream_key("reconstruct", seed, i) for i in range(len(y))]
    noise = StreamNoise(keys, prior.dtype, prior.device)
    y = y.to(prior.device, prior.dtype, copy=True)
    measurement = Measurement(y, A.to(prior.device, prior.dtype), sigma)
    with full_precision():
        outcome = run_solver(solver, measurement, prior, noise)
    if lost := [f"image {i} at step {k}" for i, k in enumerate(outcome.diverged) if k is not None]:
        raise ValueError(f"{type(solver).__name__} diverged: not finite from {', '.join(lost)}")
    x = outcome.x
    return (x[:, 0] if particles(solver) > 1 else x).to(prior.device, prior.dtype)
