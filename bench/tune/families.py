"""Families of tasks, one search each, on images that no suite evaluates."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bench.names import matches, nearest, selected
from bench.suites.known import datasets
from bench.suites.suite import Suite, TaskRow, list_suites, load_suite
from bench.suites.yamlfile import SuiteError

FAMILIES = {
    "masks": "inpaint_*",
    "super-resolution": "sr_*",
    "blur": "blur_*",
    "hdr": "hdr",
    "phase": "phase_*",
}
"""Name -> what matches the names or operators of its tasks; a preset has its settings under that pattern."""
EXACT = "exact-"
DRAWN_TO_TUNE = "-tune"
KEPT_TO_TUNE = "_tune"
"""Ends of the names of other draws of a prior in closed form, and of data sets that are for tuning."""


@dataclass(frozen=True)
class TaskFamily:
    """Tasks that share their settings.

    Attributes:
        pattern: what presets call them.
        evaluated: the data set that their suite evaluates, and how many of its images at most.
    """

    name: str
    pattern: str
    dataset: str
    prior: str
    evaluated: str
    most: int
    tasks: tuple[TaskRow, ...]

    @property
    def about_sets(self) -> bool:
        """Whether its records are about sets of samples."""
        return self.tasks[0].samples_per_problem is not None


class FamilyTraits(NamedTuple):
    """The family of a task: all that its tasks share."""

    name: str
    pattern: str
    dataset: str
    prior: str
    evaluated: str
    most: int


def families(
    suites: Sequence[str],
    tasks: Sequence[str],
    wanted: Sequence[str],
    dataset: str | None = None,
    prior: str | None = None,
) -> list[TaskFamily]:
    """The families of the tasks of some suites.

    Args:
        tasks: patterns of those to take; all without any.
        wanted: names of families; all without any.
        dataset: the images to tune on. By default they are those of the suite's data set that are kept for
            tuning.
        prior: another prior than those of the suites; a task's own stays.

    Raises:
        SuiteError: an unknown name, no task is left, two tasks of one name, or images that a suite evaluates.
    """
    found: dict[FamilyTraits, dict[str, TaskRow]] = {}
    names, left_out = list[str](), set[str]()
    for name in suites:
        suite = load_suite(name)
        suite = suite.model_copy(update={"prior": prior or suite.prior})
        for row in suite.tasks:
            names.append(row.name)
            if not selected(row.name, tasks):
                left_out.add(_kind(suite, row)[0])
                continue
            traits, task = _placed(suite, row, dataset)
            if found.setdefault(traits, {}).setdefault(row.name, task) != task:
                raise SuiteError(f"{row.where()}: two suites have another task '{row.name}' each")
    for pattern in tasks:
        if not any(matches(name, pattern) for name in names):
            raise SuiteError(f"--task {pattern}: unknown task{nearest(pattern, names)}")
    made = [_family(traits, tuple(rows.values()), left_out) for traits, rows in found.items()]
    return _chosen(made, wanted)


def _family(traits: FamilyTraits, rows: tuple[TaskRow, ...], left_out: Collection[str]) -> TaskFamily:
    """A family; where a single task is left of it, what is found is for that task only."""
    if len(rows) == 1 and traits.name in left_out:
        traits = traits._replace(pattern=rows[0].name)
    return TaskFamily(*traits, rows)


def _chosen(made: Sequence[TaskFamily], wanted: Sequence[str]) -> list[TaskFamily]:
    """The families of some names, which must be there; all without any name."""
    known = [family.name for family in made]
    for name in wanted:
        if name not in known:
            raise SuiteError(f"--family {name}: no such family of tasks here{nearest(name, known)}")
    if not made:
        raise SuiteError("no task is left")
    return [family for family in made if not wanted or family.name in wanted]


def _placed(suite: Suite, row: TaskRow, dataset: str | None) -> tuple[FamilyTraits, TaskRow]:
    """The family of a task, and the task with all that was its suite's."""
    n = row.samples_per_problem or suite.samples_per_problem
    own, prior = row.dataset or suite.dataset, row.prior or suite.prior
    images = dataset or to_tune(own, suite.name)
    if prior.startswith(EXACT) and prior == own:
        prior = images
    refuse_evaluated(images)
    name, pattern = _kind(suite, row)
    update = {"samples_per_problem": n, "dataset": images, "prior": prior, "images": None}
    return FamilyTraits(name, pattern, images, prior, own, suite.most_images), row.model_copy(update=update)


def _kind(suite: Suite, row: TaskRow) -> tuple[str, str]:
    """The name of a task's family, and its pattern."""
    found = row.name, row.name
    if (row.samples_per_problem or suite.samples_per_problem) is None:
        for known, operators in FAMILIES.items():
            if fnmatchcase(row.name, operators) or fnmatchcase(row.operator, operators):
                found = known, operators
    return found


def to_tune(dataset: str, suite: str) -> str:
    """The images to tune on where a suite evaluates a data set: its own, where its name says so.

    Raises:
        SuiteError: there are none that are kept for it.
    """
    if Path(dataset).stem.endswith((DRAWN_TO_TUNE, KEPT_TO_TUNE)):
        return dataset
    if dataset.startswith(EXACT):
        return dataset + DRAWN_TO_TUNE
    other = dataset + KEPT_TO_TUNE
    if other not in datasets():
        raise SuiteError(
            f"data set '{dataset}', which suite '{suite}' evaluates, has no images that are kept for tuning; "
            "name some by --dataset"
        )
    return other


def refuse_evaluated(dataset: str) -> None:
    """Refuses images that a suite of ours evaluates.

    Raises:
        SuiteError: it does.
    """
    if dataset in (known := evaluated()):
        others = "tune on others, such as fashion32_tune or a folder of your own"
        raise SuiteError(f"data set '{dataset}' is what suite '{known[dataset]}' evaluates; {others}")


@cache
def evaluated() -> dict[str, str]:
    """Data sets that our suites evaluate, each with a suite."""
    found: dict[str, str] = {}
    for name in list_suites():
        suite = load_suite(name)
        for images in (suite.dataset, *(task.dataset for task in suite.tasks)):
            if images:
                found.setdefault(images, name)
    return found
