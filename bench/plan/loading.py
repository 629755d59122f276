"""Data and priors of a suite, each loaded once."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch

from bench.data import load_dataset
from bench.data.images import Images
from bench.exact.problems import ExactImages, exact_prior, is_exact
from bench.plan.options import Options
from bench.prior import Prior
from bench.priors import PriorError, load_prior
from bench.priors.network import NetworkPrior
from bench.suites.suite import Suite, TaskRow
from bench.system.device import get_device


class DataAndPrior(NamedTuple):
    """The images that a task is about, and a prior of their kind."""

    data: Images
    prior: Prior


Loader = Callable[[TaskRow], DataAndPrior]
"""Loads the data and the prior of a task; equal names give the same objects."""


def load_images(
    name: str, options: Options, shape: tuple[int, ...] | None, most: int | None = None
) -> Images:
    """Loads a data set by name or path, or draws it from a prior in closed form."""
    if is_exact(name):
        return ExactImages(name)
    return load_dataset(name, options.data_root, shape, most)


def once(load: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a function so that it runs once for the same arguments, whether it returns or raises."""

    @cache
    def attempt(*args: Any) -> tuple[Any, Exception | None]:
        try:
            return load(*args), None
        except Exception as error:  # noqa: BLE001 - whatever it is: it is raised below, at every call
            return None, error.with_traceback(None)  # its frames hold what was half loaded

    def known(*args: Any) -> Any:
        value, error = attempt(*args)
        if error is not None:
            raise error
        return value

    return known


def make_loader(suite: Suite, options: Options) -> Loader:
    """Makes what loads the data and the prior of a task, each once. The loader raises what loading raises.

    Raises:
        ValueError: the device is not usable.
    """
    device = get_device(options.device)
    dtype = getattr(torch, options.dtype)
    is_half = dtype in {torch.bfloat16, torch.float16}
    state, autocast = (torch.float32, dtype) if is_half else (dtype, None)

    @once
    def dataset(name: str, shape: tuple[int, ...]) -> Images:
        return load_images(name, options, shape, suite.most_images)

    @once
    def prior(name: str) -> Prior:
        if is_exact(name):
            return exact_prior(name, state, device)
        loaded = load_prior(name, state, device, autocast)
        loaded.recompute(options.recompute)
        if options.compile or options.fast:
            if not isinstance(loaded, NetworkPrior):
                option = "--compile" if options.compile else "--fast"
                raise PriorError(f"prior '{name}' is no network that can be compiled; leave {option} out")
            if options.compile:
                loaded.compile()
        return loaded

    def load(row: TaskRow) -> DataAndPrior:
        known = prior(row.prior or suite.prior)
        return DataAndPrior(dataset(row.dataset or suite.dataset, tuple(known.shape)), known)

    return load
