"""What the rows of a suite cost on a device: counts of short runs without the network, times of a probe."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from bench.forecast.memory import largest, room_on
from bench.forecast.rates import Target, Times, find_times
from bench.forecast.stand_in import StandIn, make_stand_ins
from bench.forecast.trial import CellTrial, try_cell
from bench.forecast.work import NetworkWork, Work
from bench.names import counted
from bench.plan.build import make_cells
from bench.plan.cell import Cell
from bench.plan.options import BATCH, Options
from bench.suites.suite import Suite, SuiteError
from bench.system.device import full_precision

NO_NETWORK = NetworkWork(Work(), Work(), 0.0, 0.0, 0.0, 0.0, learned=False)
"""The network of a prior in closed form, whose own work is part of the trial."""


class CellCost(NamedTuple):
    """What one image of a cell costs, or one problem with all its samples.

    Attributes:
        images: of the cell, those of all samples.
        nfe, vjps: network evaluations and backward passes.
        tflop: of the network.
        seconds: at the batch of the plan.
        gb: of memory, beside the weights.
        largest: the largest batch that fits into the device's memory.
    """

    cell: Cell
    images: int
    nfe: float
    vjps: float
    tflop: float
    seconds: float
    gb: float
    largest: int


class SuiteCost(NamedTuple):
    """The costs of all cells that can be solved, and how sure they are.

    Attributes:
        sources: where the times come from.
        factor: within which such times were found to be right; None where nobody knows.
        failed: task and row of the cells that failed in their trial.
        refused: why each of the other cells cannot be solved.
    """

    batch: int
    costs: list[CellCost]
    sources: list[str]
    factor: float | None
    failed: list[str]
    refused: list[str]

    @property
    def seconds(self) -> float:
        """Seconds of the device in all."""
        return sum(cost.seconds * cost.images for cost in self.costs)


def cost_of_suite(suite: Suite, target: Target, options: Options, batch: int | None) -> SuiteCost:
    """Resolves a suite without its data and weights, and adds up what it costs.

    Args:
        batch: None takes that of a run, which fits.

    Raises:
        ValueError: anything wrong with the suite, no times for the device, or a row of which one image
            does not fit into its memory.
    """
    device = target.here or torch.device("cpu")
    cells = make_cells(suite, make_stand_ins(suite, device, options.recompute), options.numerics)
    tried: list[tuple[Cell, CellTrial]] = []
    failed, refused = [], []
    with full_precision():
        for cell in cells:
            if cell.reason is not None:
                refused.append(f"{cell.task.name} {cell.label}: {cell.reason}")
                continue
            trial = try_cell(cell, batch or BATCH, timed=target.here is not None)
            if trial is None:
                failed.append(f"{cell.task.name} {cell.label}")
            else:
                tried.append((cell, trial))
    room, times = room_on(target), times_of([cell for cell, _ in tried], target, options.dtype)
    fits = [largest(work_of(cell), trial.vjps > 0, room, options.dtype) for cell, trial in tried]
    refuse_too_large([cell for cell, _ in tried], fits, target)
    chosen = batch or min([BATCH, *fits])
    costs = []
    for (cell, trial), most in zip(tried, fits, strict=True):
        costs.append(cost_of(cell, trial, times[cell.prior.name], chosen, most))
    sources = list(dict.fromkeys(one.source for one in times.values()))
    factor = worst(one.factor for one in times.values())
    return SuiteCost(chosen, costs, sources, factor, failed, refused)


def times_of(cells: Iterable[Cell], target: Target, dtype: str) -> dict[str, Times]:
    """The times of each prior by name."""
    found: dict[str, Times] = {}
    for cell in cells:
        if cell.prior.name not in found:
            architecture = cell.prior.architecture if isinstance(cell.prior, StandIn) else ""
            found[cell.prior.name] = find_times(target, dtype, architecture)
    return found


def worst(factors: Iterable[float | None]) -> float | None:
    """The largest factor; None where one is not known."""
    largest = 1.0
    for factor in factors:
        if factor is None:
            return None
        largest = max(largest, factor)
    return largest


def work_of(cell: Cell) -> NetworkWork:
    """What the network of a cell costs for one image."""
    return cell.prior.work if isinstance(cell.prior, StandIn) else NO_NETWORK


def cost_of(cell: Cell, trial: CellTrial, times: Times, batch: int, most: int) -> CellCost:
    """The cost of one image of a cell in a batch of at most so many."""
    work, batch = work_of(cell), max(1, min(batch, most, len(cell.images)))
    evaluation = times.seconds("evaluation", work.evaluation, batch)
    pull = max(times.seconds("vjp", work.vjp, batch) - evaluation, 0.0)
    backward = max(work.vjp.flop - work.evaluation.flop, 0.0)
    seconds = (trial.nfe * evaluation + trial.vjps * pull) / batch
    seconds += times.other.seconds(trial.rest, batch) / batch if trial.seconds is None else trial.seconds
    return CellCost(
        cell=cell,
        images=len(cell.images) * cell.samples,
        nfe=trial.nfe,
        vjps=trial.vjps,
        tflop=(trial.nfe * work.evaluation.flop + trial.vjps * backward) / 1e12,
        seconds=seconds,
        gb=(work.vjp_peak if trial.vjps else work.evaluation_peak) / 1e9,
        largest=most,
    )


def refuse_too_large(cells: Sequence[Cell], fits: Sequence[int], target: Target) -> None:
    """Says which rows do not fit into a device's memory even one image at a time.

    Raises:
        SuiteError: there are such rows.
    """
    lost = [f"{cell.task.name} {cell.label}" for cell, most in zip(cells, fits, strict=True) if most == 0]
    if lost:
        rows = f"{counted(len(lost), 'row')}, the first is {lost[0]}"
        raise SuiteError(f"{target.name}: one image does not fit ({rows}); --recompute takes less memory")


def seconds_of(costs: Iterable[CellCost], n: int) -> float:
    """Seconds of the first n images of every row."""
    total = 0.0
    for cost in costs:
        total += cost.seconds * cost.cell.samples * min(n, len(cost.cell.images))
    return total


def images_within(costs: Sequence[CellCost], seconds: float) -> int:
    """How many images of every row fit into a budget.

    Raises:
        SuiteError: not even one does.
    """
    if (least := seconds_of(costs, 1)) > seconds:
        one = f"one image of each of {counted(len(costs), 'row')} takes {least:.3g} s"
        raise SuiteError(f"nothing fits into the budget of {seconds:g} s: {one}; choose --solver, --task")
    most = max((len(cost.cell.images) for cost in costs), default=0)
    return max(n for n in range(1, most + 1) if seconds_of(costs, n) <= seconds)
