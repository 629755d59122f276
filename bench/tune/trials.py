"""Candidates as ordinary rows: planned, run and recorded as every other row is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from bench.data import DataError
from bench.exact.problems import is_exact
from bench.forecast.dry_run import probe
from bench.noise import StreamNoise
from bench.operators.base import Operator
from bench.plan.build import Settings, make_cells, make_task
from bench.plan.cell import Cell
from bench.plan.loading import Loader, load_images, make_loader
from bench.plan.options import Options
from bench.plan.plan import Plan
from bench.records.journal import read_records
from bench.records.record import Record
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.run.score import make_scorer
from bench.run.score_samples import SampleScorer
from bench.solver import LinearOperator, Solver
from bench.suites.methods import SolverClass, build_solver, load_solver
from bench.suites.suite import SolverRow, Suite
from bench.suites.yamlfile import SuiteError
from bench.system.device import full_precision
from bench.tune.families import DRAWN_TO_TUNE, TaskFamily
from bench.tune.objectives import Objective

ITERATIONS = 50
"""Power iterations for the largest singular value."""
STEP = 1e-5
"""Step of a difference quotient, for images in [-1, 1]."""


@dataclass(frozen=True)
class Size:
    """How much a search may use."""

    images: int
    fresh: int
    samples: int
    seed: int


class Trials:
    """Runs candidates of one method on a family of tasks, into one folder.

    Args:
        fixed: parameters that all candidates share.

    Attributes:
        family: without the tasks that the method does not take.
        refused: these tasks, each with the reason.

    Raises:
        SuiteError: the method or a parameter does not exist, the images are too few or a suite evaluates
            them, or a metric cannot be computed here.
    """

    def __init__(
        self,
        spec: str,
        fixed: Mapping[str, Any],
        family: TaskFamily,
        objectives: Sequence[Objective],
        size: Size,
        options: Options,
        folder: Path,
    ) -> None:
        self.spec, self.fixed, self.family, self.size = spec, fixed, family, size
        self.options, self.folder = options, folder
        self.found: SolverClass = load_solver(spec)
        self.suite = make_suite(family, objectives, size)
        self.load: Loader = make_loader(self.suite, options)
        self.sample_scorer = SampleScorer()  # one, since it keeps the exact posteriors it has prepared
        self._refuse_seen()
        self._refuse_unavailable(objectives)
        self.refused = self._leave_out()

    def _refuse_seen(self) -> None:
        """Refuses images of which a suite evaluates one, whatever their data set is called."""
        family, data = self.family, self.load(self.family.tasks[0]).data
        wanted = self.size.images + self.size.fresh
        if wanted > len(data.ids):
            raise SuiteError(
                f"data set '{data.name}' has {len(data.ids)} images; {self.size.images} to search and "
                f"{self.size.fresh} fresh ones are {wanted}: give fewer by --images and --fresh"
            )
        if is_exact(family.dataset) or family.evaluated == family.dataset:
            return
        try:
            shown = load_images(family.evaluated, self.options, tuple(data.shape), family.most)
        except DataError:
            return  # they are not here, so that nobody can have copied them
        seen = {shown.image_sha256(image): image for image in shown.ids[: family.most]}
        for image in data.ids[:wanted]:
            if (copy := seen.get(data.image_sha256(image))) is not None:
                raise SuiteError(
                    f"image {image} of data set '{data.name}' is {copy} of '{shown.name}', which a suite "
                    "evaluates; tune on others"
                )

    def _refuse_unavailable(self, objectives: Sequence[Objective]) -> None:
        """Refuses objectives that cannot be computed here."""
        scorer = make_scorer(self.suite, self.cells([{}]))
        for objective in objectives:
            if reason := scorer.unavailable.get(objective.metric):
                raise SuiteError(f"objective {objective.name}: {reason}, or choose another --objective")

    def _leave_out(self) -> dict[str, str]:
        """Leaves out the tasks that the method does not take, and says why; where it takes none, all stay."""
        refused = {}
        for cell in self.cells([{}]):
            if cell.reason is not None:
                refused[cell.task.name] = cell.reason
        taken = tuple(row for row in self.family.tasks if row.name not in refused)
        if taken:
            self.family = replace(self.family, tasks=taken)
            self.suite = self.suite.model_copy(update={"tasks": taken})
        return refused

    @property
    def prior(self) -> str:
        """The name of the prior, by which presets are found; of a draw to tune on, that of the usual draw."""
        return self.load(self.family.tasks[0]).prior.name.removesuffix(DRAWN_TO_TUNE)

    @property
    def refusal(self) -> str | None:
        """Why the method takes none of the tasks; None where it takes some."""
        names = {row.name for row in self.family.tasks}
        return next(iter(self.refused.values())) if names <= self.refused.keys() else None

    def rows(self, candidates: Sequence[Mapping[str, Any]]) -> list[SolverRow]:
        """A row for each candidate, whose label says what is changed."""
        rows = []
        for params in candidates:
            changes = ",".join(f"{name}={value}" for name, value in params.items())
            label = f"{self.found.name}[{changes}]" if changes else self.found.name
            row = SolverRow(solver=self.spec, label=label, params={**self.fixed, **params})
            rows.append(row.placed({"": f"--solver {self.spec}"}))
        return rows

    def cells(self, candidates: Sequence[Mapping[str, Any]], images: int | None = None) -> list[Cell]:
        """The cells of candidates, candidate by candidate; presets do not enter.

        Args:
            images: so many; those of the search by default.
        """
        suite = self.suite.model_copy(
            update={"solvers": tuple(self.rows(candidates)), "images": images or self.size.images}
        )
        none = Settings(None, {})
        kept = {(row.label, task.name): none for row in suite.solvers for task in suite.tasks}
        cells = make_cells(suite, self.load, self.options.numerics, kept)
        order = [row.label for row in suite.solvers]
        return sorted(cells, key=lambda cell: order.index(cell.label))

    def run(self, candidates: Sequence[Mapping[str, Any]], images: int | None = None) -> list[list[Record]]:
        """The records of each candidate, computed where they are missing.

        Args:
            images: so many; those of the search by default.
        """
        cells = self.cells(candidates, images)
        rows = tuple(self.rows(candidates))
        suite = self.suite.model_copy(update={"solvers": rows, "images": images or self.size.images})
        plan = Plan(suite, cells, self.options)
        Runner(plan, self.folder, Observer(), sample_scorer=self.sample_scorer).run()
        return self.records(cells)

    def records(self, cells: Sequence[Cell]) -> list[list[Record]]:
        """The records of each row of some cells, as far as they are there."""
        by_cell: dict[str, list[Record]] = {}
        for record in read_records(self.folder)[0]:
            by_cell.setdefault(record.cell, []).append(record)
        by_row: dict[str, list[Record]] = {}
        for cell in cells:
            wanted = set(cell.images)
            own = [record for record in by_cell.get(cell.id, []) if record.image in wanted]
            by_row.setdefault(cell.label, []).extend(own)
        return list(by_row.values())

    def is_done(self, cells: Sequence[Cell], records: Sequence[Sequence[Record]]) -> bool:
        """Whether some cells have all their records."""
        return sum(map(len, records)) >= sum(len(cell.images) * cell.samples for cell in cells)

    def cost(self, params: Mapping[str, Any]) -> tuple[int, float | None]:
        """What a candidate costs: evaluations by a count, seconds by a few steps on one batch of each task.

        0 evaluations where the method fails.
        """
        plan = Plan(self.suite, self.cells([params]), self.options)
        evaluations, seconds = 0.0, 0.0
        with full_precision():
            for cell in plan.cells:
                probed = probe(plan, cell)
                if probed is None:
                    return 0, None
                n = len(cell.images) * cell.samples * cell.samples_per_problem
                counts, each = probed
                evaluations += n * round(counts.nfe + counts.vjps)
                seconds += n * each
        return round(evaluations), seconds

    def known(self) -> dict[str, float]:
        """What units may use: numbers among the fixed parameters and defaults, ``sigma`` and ``s``.

        ``sigma`` is what solvers are told, and absent where the noise is not Gaussian.
        """
        defaults = vars(self.build({}))
        numbers = {name: value for name, value in defaults.items() if _is_number(value)}
        gains, sigmas = [], []
        for row in self.family.tasks:
            data = self.load(row).data
            task = make_task(self.suite, row, data)
            gains.append(gain(task.operators(data.shape, data.ids[:1])))
            sigma = task.sigma if task.told_sigma is None else task.told_sigma
            if sigma is not None:
                sigmas.append(sigma)
        if len(sigmas) == len(gains):
            numbers["sigma"] = min(sigmas)
        return {**numbers, "s": max(gains)}

    def build(self, params: Mapping[str, Any]) -> Solver:
        """The method with parameters.

        Raises:
            SuiteError: it does not take them.
        """

        def where(param: str) -> str:
            return f"--solver {self.spec}.{param}".rstrip(".")

        return build_solver(self.found, {**self.fixed, **params}, where)

    def defaults(self) -> dict[str, Any]:
        """The parameters of the method where nothing is tuned."""
        solver = self.build({})
        return {f.name: getattr(solver, f.name) for f in fields(solver) if f.init}


def make_suite(family: TaskFamily, objectives: Sequence[Objective], size: Size) -> Suite:
    """The suite of a search; its rows are put in later."""
    metrics = dict.fromkeys(["psnr", *(o.metric for o in objectives if not o.about_sets)])
    return Suite(
        name=f"tune-{family.name}",
        dataset=family.dataset,
        prior=family.prior,
        images=size.images + size.fresh,
        samples=size.samples,
        seed=size.seed,
        metrics=tuple(metrics),
        tasks=tuple(row.placed({"": f"task {row.name}"}) for row in family.tasks),
        solvers=(SolverRow(solver="pinv", label="none"),),
    )


def gain(A: Operator) -> float:
    """The largest singular value of A, or of its Jacobian at a random image where A is not linear.

    `LinearOperator.norm` is exacter, by up to 1 % where singular values are close. The ranges of the searches
    that cards record are in units of this one, and another value would ask for other candidates.
    """
    shape = (len(A), *A.shape)
    noise = StreamNoise([0] * len(A), torch.float64)
    v = noise.new(A.shape)
    x = 0.5 * noise.new(A.shape)
    with torch.no_grad():
        base = torch.zeros(shape, dtype=v.dtype) if isinstance(A, LinearOperator) else x
    largest = 0.0
    for _ in range(ITERATIONS):
        v = v / v.norm().clamp_min(1e-300)
        forward = (A(base + STEP * v) - A(base - STEP * v)) / (2 * STEP)
        v = A.vjp(base)[1](forward)
        largest = v.norm().item() ** 0.5
    return float(f"{largest:.3g}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
