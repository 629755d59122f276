"""What a search is asked for, as plain data that can be handed to another process, and how it is made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.plan.options import Options
from bench.suites.methods import load_solver, parameters
from bench.suites.suite import default_label
from bench.suites.yamlfile import SuiteError
from bench.tune.families import TaskFamily
from bench.tune.objectives import OBJECTIVES, Objective
from bench.tune.search import Search
from bench.tune.trials import Size, Trials

STEPS = "steps"
"""The parameter that says how many evaluations a reconstruction takes."""


@dataclass(frozen=True)
class SearchRequest:
    """One search.

    Attributes:
        fixed: parameters that are not searched, those of the command line.
        steps: evaluations of a reconstruction, for a method with that parameter.
        candidates: how many a method without backward passes may try; the budget pays for so many.
        budget: evaluations, where they are given.
        root: the folder of all searches of a command.
    """

    spec: str
    fixed: Mapping[str, Any]
    family: TaskFamily
    objectives: tuple[str, ...]
    steps: int
    candidates: int
    size: Size
    options: Options
    root: Path
    budget: int | None = None

    @property
    def label(self) -> str:
        """The method with what is fixed."""
        fixed = ",".join(f"{name}={value}" for name, value in self.fixed.items())
        return f"{default_label(self.spec)}[{fixed}]" if fixed else default_label(self.spec)

    @property
    def name(self) -> str:
        """The search in messages."""
        return f"{self.label}, {self.family.name}"

    @property
    def about(self) -> str:
        """The method as it was asked for, on what, with what prior."""
        return f"{self.spec} on {self.family.dataset} with {self.family.prior}"

    @property
    def folder(self) -> Path:
        """The run folder of the search."""
        return self.root / re.sub(r"[^\w.=+-]+", "-", self.label).strip("-") / self.family.name

    @property
    def reconstructions(self) -> int:
        """Reconstructions that one candidate is judged by."""
        each = sum(row.samples_per_problem or 1 for row in self.family.tasks)
        return each * self.size.images * self.size.samples

    @property
    def evaluations(self) -> int:
        """The budget: equal for all methods."""
        return self.budget or self.candidates * self.usual

    @property
    def usual(self) -> int:
        """Evaluations of a candidate that makes no backward passes."""
        return self.reconstructions * self.steps

    @property
    def chosen(self) -> tuple[Objective, ...]:
        """What is made better."""
        return tuple(OBJECTIVES[name] for name in self.objectives)


def check_request(asked: SearchRequest) -> None:
    """Refuses what cannot be searched, as far as it can be told before torch is loaded.

    Raises:
        SuiteError: the budget is below one candidate, or an objective is not one of the tasks.
    """
    least = asked.reconstructions * int(asked.fixed.get(STEPS, asked.steps))
    if asked.evaluations < least and asked.budget:
        refuse_budget(asked, least)
    for objective in asked.chosen:
        if objective.about_sets != asked.family.about_sets:
            own = [o.name for o in OBJECTIVES.values() if o.about_sets == asked.family.about_sets]
            tasks = ", ".join(row.name for row in asked.family.tasks)
            raise SuiteError(f"objective {objective.name}: task {tasks} has it not; it has {', '.join(own)}")


def refuse_twice(requests: Sequence[SearchRequest]) -> None:
    """Refuses two searches of one name: they would share a folder, and one would stand for both.

    Raises:
        SuiteError: there are two.
    """
    known: dict[Path, SearchRequest] = {}
    for asked in requests:
        other = known.setdefault(asked.folder, asked)
        if other is not asked:
            what = f"{other.about} and {asked.about}"
            raise SuiteError(
                f"two searches are called '{asked.name}', {what}: give each a command and an --out"
            )


def refuse_budget(asked: SearchRequest, least: int) -> None:
    """Refuses a budget that does not pay for one candidate.

    Raises:
        SuiteError: always.
    """
    raise SuiteError(
        f"{asked.name}: a budget of {asked.evaluations} evaluations is below one candidate, which takes "
        f"{least}, for {asked.reconstructions} reconstructions; give more by --budget or --candidates, "
        "or fewer --images"
    )


def make_search(asked: SearchRequest) -> Search | str:
    """Makes a search, or says why the method takes none of the tasks.

    Raises:
        SuiteError: what is asked does not make sense.
    """
    fixed = dict(asked.fixed)
    if STEPS in parameters(load_solver(asked.spec).cls):
        fixed.setdefault(STEPS, asked.steps)
    trials = Trials(asked.spec, fixed, asked.family, asked.chosen, asked.size, asked.options, asked.folder)
    if trials.refusal is not None:
        return trials.refusal
    return Search(trials, asked.chosen, asked.evaluations, asked.usual, asked.size.seed)
