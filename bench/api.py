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

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from bench.likelihood import Gaussian, Laplace, NoiseModel, Poisson, check_noise
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.operators.base import Operator, check_kind, moved
from bench.prior import Prior
from bench.priors import load_prior
from bench.run.solve import first_particle
from bench.run.solve import solve as run_solver
from bench.solver import Measurement, Solver
from bench.suites.methods import build_solver, check_fields, load_solver
from bench.suites.presets import resolve
from bench.system.device import full_precision

__all__ = ["Gaussian", "Laplace", "Poisson", "load_prior", "make_operator", "make_solver", "solve"]


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


def solve(
    y: Tensor, A: Operator, sigma: float | Tensor | NoiseModel, prior: Prior, solver: Solver, seed: int = 0
) -> Tensor:
    """Reconstructs a batch of images, without TF32, as in a run.

    Args:
        y: measurements, (B, *m), complex where the operator is. What stands in entries that A does not
            measure has no effect.
        A: one operator per row of y, made by `make_operator`.
        sigma: standard deviation of Gaussian noise in y, for images in [-1, 1], one number or one per image,
            (B,); or another noise model, such as ``bench.Poisson(rate=1.0)``. Neighbours of one sigma are
            solved together.
        solver: made by `make_solver`, or an instance of a class in ``solvers``.
        seed: of the solver's noise; row i gets the same noise in every batch.

    Returns:
        (B, *shape) in the prior's dtype, on its device; the first of several particles.

    Raises:
        ValueError: y does not fit A, in shape or kind, A not the prior, the solver does not take A or the
            noise, or one of its fields is of another type than declared or out of range; sigma is negative or
            not finite; or the result is not finite: then the message names the images and the steps.
    """
    given, out_shape, shape = tuple(y.shape), tuple(A.out_shape), tuple(A.shape)
    if given != (len(A), *out_shape) or shape != tuple(prior.shape):
        raise ValueError(
            f"y {given}, A: {len(A)} x {shape} -> {out_shape} and the prior's images "
            f"{tuple(prior.shape)} do not fit together"
        )
    check_fields(solver)
    model = sigma if isinstance(sigma, NoiseModel) else Gaussian(sigma)
    if reason := solver.refuses(A, prior, model):
        raise ValueError(reason)
    check_kind(A, y)
    check_noise(A, model)
    keys = [stream_key("reconstruct", seed, i) for i in range(len(y))]
    noise = StreamNoise(keys, prior.dtype, prior.device)
    y, A = moved(y, prior.device, prior.dtype).clone(), A.to(prior.device, prior.dtype)
    parts, lost = [], []
    with full_precision():
        for rows, same in _alike(model, len(y)):
            outcome = run_solver(solver, Measurement(y[rows], A[rows], noise=same), prior, noise[rows])
            parts.append(outcome.x)
            for i, step in enumerate(outcome.diverged, rows.start):
                lost += [f"image {i} at step {step}"] if step is not None else []
    if lost:
        raise ValueError(f"{type(solver).__name__} diverged: not finite from {', '.join(lost)}")
    x = torch.cat(parts)
    return first_particle(solver, x).to(prior.device, prior.dtype)


def _alike(model: NoiseModel, n: int) -> Iterator[tuple[slice, NoiseModel]]:
    """Neighbouring images of equal noise, each group with its noise in numbers."""
    if not isinstance(model, Gaussian) or not isinstance(model.sigma, Tensor):
        yield slice(0, n), model
        return
    sigmas = model.sigma.expand(n).tolist() if model.sigma.ndim == 0 else model.sigma.tolist()
    if len(sigmas) != n:
        raise ValueError(f"sigma has {len(sigmas)} numbers for {n} images")
    start = 0
    for sigma, group in groupby(sigmas):
        stop = start + len(list(group))
        yield slice(start, stop), Gaussian(sigma)
        start = stop
