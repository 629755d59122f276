"""The tables of `plan` and `probe`."""

from collections.abc import Sequence

from bench.cli.tables import short
from bench.forecast.planner import CellCost, SuiteCost
from bench.forecast.probe import Probe
from bench.run.progress import duration

TITLES = f"{'images':>8}{'NFE':>7}{'vjps':>7}{'TFLOP':>9}{'s/image':>9}{'GB/image':>10}{'largest':>9}  time"
MOST = 9999
"""Largest batch that the table shows."""


def cost_table(costs: Sequence[CellCost]) -> str:
    """A line per cell: what one image costs, the largest batch that fits, and the time of all images."""
    tasks = max(4, *(len(cost.cell.task.name) for cost in costs))
    labels = max(3, *(len(cost.cell.label) for cost in costs))
    lines = [f"{'task':{tasks}}  {'row':{labels}}{TITLES}"]
    for cost in costs:
        lines.append(f"{cost.cell.task.name:{tasks}}  {cost.cell.label:{labels}}{numbers(cost)}")
    return "\n".join(lines)


def numbers(cost: CellCost) -> str:
    """What follows a row's label."""
    most = str(cost.largest) if cost.largest <= MOST else f">{MOST}"
    counts = f"{cost.images:8}{cost.nfe:7.0f}{cost.vjps:7.0f}{short(cost.tflop):>9}"
    time = duration(cost.seconds * cost.images)
    return f"{counts}{short(cost.seconds):>9}{short(cost.gb):>10}{most:>9}  {time}"


def totals(suite_cost: SuiteCost, device: str) -> str:
    """The sum in hours of the device, within what it was found to be right, and where times come from."""
    hours = suite_cost.seconds / 3600
    if suite_cost.factor is None:
        sure = "how far off is not known: `python -m bench probe` measures this machine"
    else:
        low, high = hours / suite_cost.factor, hours * suite_cost.factor
        sure = f"{short(low)} to {short(high)}, a factor of {suite_cost.factor:g}"
    lines = [f"in all {short(hours)} hours of {device} at batch {suite_cost.batch} ({sure})"]
    return "\n".join([*lines, *(f"times: {source}" for source in suite_cost.sources)])


def probe_table(probe: Probe) -> str:
    """A line per kind of call and batch."""
    lines = [
        f"{probe.network} on {probe.device}, {probe.dtype}",
        f"{'call':10}{'batch':>7}{'s':>10}{'s/image':>10}",
    ]
    for one in probe.timings:
        each = short(one.seconds / one.batch)
        lines.append(f"{one.call:10}{one.batch:7}{short(one.seconds):>10}{each:>10}")
    return "\n".join(lines)
