"""A suite made ready to run: data, priors and solvers loaded, cells resolved, and how to run them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch

from bench import environment
from bench.data import load_dataset
from bench.exact_worlds import ExactImages, exact_prior, is_exact
from bench.plan import Cell, Job, World, Worlds, make_cells, shard_of
from bench.prior import Prior
from bench.priors import load_prior
from bench.records import Record, done_keys
from bench.reference import describe_reference
from bench.scoring import Scorer, make_scorer
from bench.suites import Suite, TaskRow
from bench.tasks import Images


@dataclass(frozen=True)
class Options:
    """How to run; none of it but ``dtype`` and ``limit`` changes a result beyond rounding.

    Attributes:
        batch: images of a cell solved together. Seconds are compared only at equal batch.
        dtype: one of `environment.DTYPES`.
        shard: (i, n): only the i-th of n parts of the images, from 1.
        retry: run again what failed, ran out of memory or time.
        pictures: keep the pictures of the first so many images of every cell; None keeps all. With several samples an image
            all are kept, unless it is 0: the report compares them pixel by pixel.
        limit: seconds per image and solver, None for no limit.
        compile: the network, by torch.compile: kernels are fused, so results differ in rounding as between devices.
        recompute: activations in backward passes, from the start; a lone image that runs out of memory turns it on anyway.
        data_root: where the user's images of public collections are.
        reference: in `bench.request.mode`, with a batch of 1: the same bits in any order, shards and workers.
    """

    batch: int = 8
    device: str = "cpu"
    dtype: str = "float32"
    shard: tuple[int, int] = (1, 1)
    retry: bool = False
    pictures: int | None = 8
    limit: float | None = None
    compile: bool = False
    recompute: bool = False
    data_root: Path | None = None
    reference: bool = False

    @property
    def numerics(self) -> dict[str, Any]:
        """What of it belongs to the key."""
        return {"dtype": self.dtype} | ({"limit": self.limit} if self.limit else {})


@dataclass(frozen=True)
class Plan:
    """A suite resolved into cells that carry all that they name, and how to run them."""

    suite: Suite
    cells: list[Cell]
    options: Options
    reference: dict[str, Any] | None = None
    """Which images FID and KID compare with, where these are not the true ones of the run."""

    @cached_property
    def image_sha256(self) -> Callable[[Images, str], str]:
        """The hash of an image, which is read once for all cells."""
        return cache(lambda data, image: data.image_sha256(image))

    @cached_property
    def scorer(self) -> Scorer:
        """What scores the reconstructions."""
        return make_scorer(self.suite, self.cells)

    def done(self, records: Iterable[Record]) -> set[str]:
        """The keys that need not be computed again."""
        return done_keys(records, self.options.retry, self.scorer.available)

    def missing(self, cell: Cell, done: set[str]) -> list[Job]:
        """What is left to do in a cell, in this shard."""
        i, n = self.options.shard
        jobs = (job for job in cell.jobs(self.image_sha256) if job.key not in done)
        return [job for job in jobs if job.image == "*" or shard_of(cell.data.name, job.image, n) == i - 1]


def prepare(suite: Suite, options: Options) -> Plan:
    """Loads data, prior and solvers, and resolves the cells.

    Raises:
        ValueError: anything that a user can get wrong; the message names the thing, the reason and the choice.
    """
    worlds = make_worlds(suite, options)
    reference = None
    if suite.reference:
        reference = describe_reference(load_images(suite.reference, options, None), suite.reference)
    return Plan(suite, make_cells(suite, worlds, options.numerics), options, reference)


def load_images(name: str, options: Options, shape: tuple[int, ...] | None, most: int | None = None) -> Images:
    """A data set by name or path, or drawn from a law in closed form."""
    return ExactImages(name) if is_exact(name) else load_dataset(name, options.data_root, shape, most)


def once(load: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is called once for the same arguments, whether it returns something or raises."""

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


def make_worlds(suite: Suite, options: Options) -> Worlds:
    """What loads the data and the prior of a task, each once, or tries to.

    Raises:
        ValueError: the device is not usable; what it returns raises where something cannot be loaded.
    """
    device = environment.get_device(options.device)
    dtype = getattr(torch, options.dtype)
    state, autocast = (torch.float32, dtype) if dtype in {torch.bfloat16, torch.float16} else (dtype, None)

    @once
    def dataset(name: str, shape: tuple[int, ...]) -> Images:
        return load_images(name, options, shape, suite.most_images)

    @once
    def prior(name: str) -> Prior:
        if is_exact(name):
            return exact_prior(name, state, device)
        loaded = load_prior(name, state, device, autocast)
        loaded.recompute(options.recompute)
        if options.compile:
            loaded.compile()
        return loaded

    def world(row: TaskRow) -> World:
        known = prior(row.prior or suite.prior)
        return World(dataset(row.dataset or suite.dataset, tuple(known.shape)), known)

    return world
