"""What a plan asks for, as a manifest: the tables of the report in order, and the request itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from bench.exact.distances import metrics as distances
from bench.metrics.table import INCEPTION, METRICS
from bench.plan.cell import Cell
from bench.plan.plan import Plan
from bench.plan.request import make_request
from bench.records.manifest import MetricEntry, RowEntry, RunManifest, SetsEntry, TaskEntry
from bench.stats.distances import MOST
from bench.stats.features import MODES
from bench.stats.metric import Metric
from bench.suites.cards import MethodCard, card_of, list_cards
from bench.suites.suite import SolverRow, Suite

SECONDS_NOTE = (
    "device synchronised; without noise generation, warm-up, metrics and files; one value per batch"
)


def make_manifest(plan: Plan, scored: Sequence[str], **start: Any) -> RunManifest:
    """The manifest of a plan.

    Args:
        scored: metrics of each image, in the order of the tables.
        start: what differs between the parts of one run: ``command``, ``created``, ``versions``.
    """
    suite, cells, root = plan.suite, plan.cells, plan.options.data_root
    first = cells[0]
    metrics = shown_metrics(suite, cells, scored, plan.fid_stats)
    return RunManifest(
        suite=suite.name,
        title=suite.title,
        dataset=first.data.name,
        dataset_sha256=getattr(first.data, "card_sha256", None),
        prior=first.prior.name,
        weights_sha256=first.prior.weights_sha256,
        seed=suite.seed,
        n_images=suite.images,
        images=tuple(dict.fromkeys(image for cell in cells for image in cell.images)),
        tasks=describe_tasks(suite, cells),
        rows=describe_rows(suite, cells),
        metrics={name: describe_metric(metric) for name, metric in metrics.items()},
        seconds=SECONDS_NOTE,
        sets=describe_sets(suite.fid_mode, plan.fid_stats),
        margins=dict(suite.margins.items()),
        data_root=str(root.expanduser().absolute()) if root else None,
        asked=make_request(with_classes(suite, cells), plan.options),
        **start,
    )


def shown_metrics(
    suite: Suite, cells: Sequence[Cell], scored: Sequence[str], fid_stats: Mapping[str, Any] | None
) -> dict[str, Metric]:
    """The columns of the tables, by name: those of images, then those of sets of samples."""
    several = [cell for cell in cells if cell.samples_per_problem > 1]
    shown: dict[str, Metric] = {}
    if len(several) < len(cells):
        shown |= {name: METRICS[name] for name in scored}
        if suite.features:
            for name in ("fid", "kid"):
                shown[name] = about_sets(name, suite.fid_mode, fid_stats)
    if several:
        shown |= distances.METRICS
    return shown


def describe_sets(mode: str, fid_stats: Mapping[str, Any] | None) -> SetsEntry | None:
    """What FID and KID are made of.

    None for the usual: "legacy_pytorch" features and the true images of the run.
    """
    if fid_stats or mode != MODES[0]:
        return SetsEntry(mode=mode, fid_stats=fid_stats)
    return None


def about_sets(name: str, mode: str, fid_stats: Mapping[str, Any] | None) -> Metric:
    """FID or KID, with a note that names the mode and the images to compare with."""
    metric = METRICS[name]
    note = metric.note.replace(INCEPTION[MODES[0]], INCEPTION[mode])
    if fid_stats:
        part = f", of which {MOST} evenly spread" if name == "kid" and fid_stats["n"] > MOST else ""
        images = f"the {fid_stats['n']} images of {fid_stats['dataset']} (list {fid_stats['list'][:12]})"
        note += f"; reference: {images}{part}"
    return replace(metric, note=note)


def describe_tasks(suite: Suite, cells: Sequence[Cell]) -> tuple[TaskEntry, ...]:
    """The tables: one for each task that has a cell."""
    images = {row.name: row.images for row in suite.tasks}
    firsts: dict[str, Cell] = {}
    for cell in cells:
        firsts.setdefault(cell.task.name, cell)
    return tuple(describe_task(cell, cells[0], images.get(name)) for name, cell in firsts.items())


def describe_task(cell: Cell, first: Cell, images: int | None = None) -> TaskEntry:
    """A table; its data set and prior where they are not those of the first one."""
    task, data, prior = cell.task, cell.data.name, cell.prior.name
    return TaskEntry(
        name=task.name,
        title=task.title,
        operator=task.operator,
        params=task.params,
        sigma=task.sigma,
        noise=task.noise,
        told=task.misspecified,
        operator_sha256=cell.operator_sha256,
        dataset=data if data != first.data.name else None,
        prior=prior if prior != first.prior.name else None,
        conventions=task.operators(cell.data.shape, cell.images[:1]).conventions(),
        images=images,
    )


def describe_rows(suite: Suite, cells: Sequence[Cell]) -> tuple[RowEntry, ...]:
    """The rows of the tables: one for each row of the suite that has a cell."""
    by_row: dict[int, list[Cell]] = {}
    for cell in cells:
        by_row.setdefault(row_of(suite, cell), []).append(cell)
    return tuple(describe_row(suite.solvers[i], own, suite.images) for i, own in by_row.items())


def row_of(suite: Suite, cell: Cell) -> int:
    """The position of the row that a cell was made for."""
    for i, row in enumerate(suite.solvers):
        if row.label == cell.label and row.takes(cell.task.name):
            return i
    raise ValueError(f"suite '{suite.name}' has no row '{cell.label}' in task '{cell.task.name}'")


def with_classes(suite: Suite, cells: Sequence[Cell]) -> Suite:
    """The suite with ``file.py`` as ``file.py:Class``, which stays clear when the card beside it is gone."""
    rows = list(suite.solvers)
    for cell in cells:
        i = row_of(suite, cell)
        if rows[i].solver.endswith(".py"):
            rows[i] = rows[i].model_copy(update={"solver": f"{rows[i].solver}:{cell.name}"})
    return suite.model_copy(update={"solvers": tuple(rows)})


def describe_row(row: SolverRow, cells: Sequence[Cell], n_images: int) -> RowEntry:
    """A row of the tables, from its cells, one for each of its tasks.

    Args:
        n_images: the number of images of the suite; a row that takes as many does not say so.
    """
    head, most = cells[0], max(len(cell.images) for cell in cells)
    card = card_of(row.solver)
    ids, settings = {}, {}
    for cell in cells:
        ids[cell.task.name], settings[cell.task.name] = cell.id, asdict(cell.solver)
    return RowEntry(
        label=row.label,
        solver=head.name,
        preset=head.preset,
        paper=card.paper or head.solver.paper,
        baseline=head.solver.baseline,
        images=most if most != n_images else None,
        tasks=list(ids),
        cells=ids,
        skip_duplicates=row.skip_duplicates,
        kind=card.kind,
        order=card.order,
        colour=our_place(card),
        title=card.title or None,
        bibtex=card.bibtex or None,
        settings=settings,
        samples=head.samples if head.samples > 1 else None,
    )


def our_place(card: MethodCard) -> int | None:
    """The place of one of our methods among those of its kind; None for a user's."""
    alike = [name for name, other in list_cards().items() if other.kind == card.kind]
    return alike.index(card.name) if list_cards().get(card.name) is card else None


def describe_metric(m: Metric) -> MetricEntry:
    """A column."""
    return MetricEntry(
        label=m.label,
        format=f".{m.decimals}f",
        scale=m.scale,
        higher_is_better=m.higher_is_better,
        note=m.note,
    )


def metric_revisions() -> str:
    """The revision of all metrics, "1", and of those that have another one."""
    others = [f"{name}={metric.rev}" for name, metric in METRICS.items() if metric.rev != 1]
    return " ".join(["1", *others])
