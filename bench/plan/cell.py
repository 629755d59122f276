"""One task and one solver row, with all settings final and a key for every reconstruction."""

from collections.abc import Callable, Mapping, Sequence
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
"""Version of what blocks are scored by, `bench.exact.distances` and `bench.run.score_samples`: raised
whenever a number changes for the same samples, which are not kept."""


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
        config: all that determines the results but the image and the sample; never a batch size, device or
            thread count.
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
    block: int = 1
    """Samples of an image that make one record."""

    @cached_property
    def id(self) -> str:
        """sha256 of the configuration."""
        return digest(self.config)

    @property
    def operator_sha256(self) -> str | None:
        """Of the code of a user's operator."""
        return self.config["task"].get("supplied", {}).get("source")

    def jobs(self, image_sha256: Callable[[Images, str], str]) -> list[Job]:
        """Everything there is to compute, image by image; one job with image "*" where the solver cannot
        solve the task.
        """
        if self.reason is not None:
            return [Job("*", 0, self.key("*", None, 0))]
        pairs = ((image, sample) for image in self.images for sample in range(self.samples))
        return [Job(image, k, self.key(image, image_sha256(self.data, image), k)) for image, k in pairs]

    def key(self, image: str, image_sha256: str | None, sample: int) -> str:
        """The key of a record."""
        told = {"class": self.data.labels[image]} if self.privileged and image != "*" else {}
        return digest(
            {**self.config, **told, "image": [self.task.dataset, image, image_sha256], "sample": sample}
        )

    def prior_of(self, images: Sequence[str]) -> Prior:
        """The prior, told the classes of these images where it has classes."""
        return (
            self.prior.condition([self.data.labels[image] for image in images])
            if self.prior.classes
            else self.prior
        )

    @property
    def privileged(self) -> bool:
        """Whether the solver's prior is told the class of the truth."""
        return bool(self.prior.classes) and not self.solver.baseline

    @property
    def steps(self) -> int | None:
        """How often the solver will yield, where it says so."""
        return 1 if self.solver.baseline else getattr(self.solver, "steps", None)
