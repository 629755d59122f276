"""One task and one solver row, with all settings final and a key for every reconstruction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.data.images import Images
from bench.plan.task import Task
from bench.prior import Prior
from bench.records.keys import digest
from bench.solver import Solver

FORMAT = 1
"""Version of the keys. Raising it recomputes everything."""
DISTANCES_REV = 2
"""Version of what sets of samples are scored by, `bench.exact.distances` and `bench.run.score_samples`. It is
raised whenever a number changes for the same samples, which are not kept."""


@dataclass(frozen=True)
class Job:
    """One reconstruction: the unit of resuming."""

    image: str
    sample: int
    key: str


@dataclass(frozen=True)
class Cell:
    """One task and one solver row.

    Attributes:
        config: all that determines the results but the image and the sample, in the words of keys
            (`bench.records.words`); never a batch size, device or thread count.
        reason: why the solver cannot solve the task; None where it can.
    """

    task: Task
    data: Images
    prior: Prior
    label: str
    name: str
    solver: Solver
    preset: str | None
    images: tuple[str, ...]
    samples: int
    config: Mapping[str, Any]
    reason: str | None = None
    samples_per_problem: int = 1
    """Samples of an image that make one record."""

    @cached_property
    def id(self) -> str:
        """sha256 of the configuration."""
        return digest(self.config)

    @property
    def operator_sha256(self) -> str | None:
        """Hash of the code of a user's operator; None for ours."""
        source: str | None = self.config["task"].get("supplied", {}).get("source")
        return source

    def jobs(self, image_sha256: Callable[[Images, str], str]) -> list[Job]:
        """Everything there is to compute, image by image.

        Where the solver cannot solve the task, this is one job with image "*".
        """
        if self.reason is not None:
            return [Job("*", 0, self.key("*", None, 0))]
        jobs = []
        for image in self.images:
            for sample in range(self.samples):
                key = self.key(image, image_sha256(self.data, image), sample)
                jobs.append(Job(image, sample, key))
        return jobs

    def key(self, image: str, image_sha256: str | None, sample: int) -> str:
        """The key of a record."""
        config = dict(self.config)
        if self.privileged and image != "*":
            config["class"] = class_labels(self.data)[image]
        return digest({**config, "image": [self.task.dataset, image, image_sha256], "sample": sample})

    @property
    def privileged(self) -> bool:
        """Whether the solver's prior is told the class of the truth."""
        return bool(self.prior.classes) and not self.solver.baseline

    @property
    def steps(self) -> int | None:
        """The network evaluations that the solver is asked for, where it has such a number."""
        return getattr(self.solver, "steps", 1 if self.solver.baseline else None)


def class_labels(data: Images) -> Mapping[str, int]:
    """The class of each image by its id; {} where a data set has no labels."""
    return getattr(data, "labels", None) or {}
