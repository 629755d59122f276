"""`plan` and `probe`: what a suite costs on a device, and how fast a network is here."""

from typing import TYPE_CHECKING, Any

import click

from bench.cli.command import (
    HOW,
    WHERE,
    Duration,
    at_least,
    device,
    fail,
    group,
    loading,
    prior,
    say,
    task,
    verb,
)
from bench.names import counted

if TYPE_CHECKING:
    from bench.forecast.planner import SuiteCost

what, where, how = group("What to plan"), group(WHERE), group(HOW)
DTYPES = click.Choice(["float32", "float64", "bfloat16", "float16"])


@verb(
    "plan",
    "plan --suite linear",
    "plan --suite ffhq-linear --device h100 --dtype float16 --budget 8h",
    "plan --suite imagenet-nonlinear --task hdr --solver dps --device h100",
)
@what("--suite", "suite_name", metavar="NAME|FILE", default="demo", show_default=True, help="As for `run`.")
@what(
    "--solver", "solvers", metavar="NAME[.param=value,...]", multiple=True, help="As for `run`. Repeatable."
)
@task(what)
@prior(what)
@what("--images", type=at_least(1), metavar="N", help="For every row the first N images.")
@what("--samples", type=at_least(1, 10_000), metavar="K", help="Reconstructions per image.")
@where(
    "--device",
    metavar="NAME",
    default="cpu",
    show_default=True,
    help="cpu, cuda, cuda:1, ..., or h100, which need not be here.",
)
@how("--dtype", type=DTYPES, default="float32", show_default=True, help="Numbers in which networks compute.")
@how("--batch", type=at_least(1), metavar="N", help="Images solved together.  [default: 8, or what fits]")
@how("--recompute", is_flag=True, help="Recompute activations in backward passes.")
@how("--budget", type=Duration(), metavar="TIME", help="Says how many images fit into 8h, 90min, 2d, 30s.")
def plan(
    suite_name: str,
    solvers: tuple[str, ...],
    tasks: tuple[str, ...],
    device: str,
    dtype: str,
    batch: int | None,
    recompute: bool,
    budget: float | None,
    **fields: Any,
) -> None:
    """Says what a suite costs on a device, before anything is downloaded.

    Nothing is written. Operations and memory are counted without the weights. Times come from `probe`, or
    else from measurements that come with the benchmark.
    """
    from bench.cli.run import changed_suite

    suite = changed_suite(suite_name, solvers, tasks, None, None, dataset=None, seed=None, **fields)
    loading(f"suite {suite.name}: {counted(len(suite.solvers), 'row')}, {counted(len(suite.tasks), 'task')}")
    from bench.cli.planning.table import cost_table, totals
    from bench.forecast.planner import cost_of_suite
    from bench.forecast.rates import find_target
    from bench.plan.options import Options

    target = find_target(device)
    options = Options(dtype=dtype, recompute=recompute)
    suite_cost = cost_of_suite(suite, target, options, batch)
    if not suite_cost.costs:
        why = next(iter(suite_cost.refused), "all failed in a trial; `run` says why")
        fail(f"there is nothing to plan: no row can be solved; {why}", 2)
    click.echo(cost_table(suite_cost.costs))
    click.echo(totals(suite_cost, target.name))
    for row in suite_cost.failed:
        say(f"warning: {row} failed in a trial and is not in the sum; `run` says why")
    if budget is not None:
        tell_budget(suite_cost, budget)


def tell_budget(suite_cost: "SuiteCost", budget: float) -> None:
    """Prints how many images of each row fit into so many seconds."""
    from bench.forecast.planner import images_within
    from bench.run.progress import duration

    n = images_within(suite_cost.costs, budget)
    if n >= max(len(cost.cell.images) for cost in suite_cost.costs):
        click.echo(f"budget {duration(budget)}: all of it fits")
    else:
        click.echo(f"budget {duration(budget)}: {counted(n, 'image')} of each row fit: --images {n}")


@verb(
    "probe",
    "probe",
    "probe --prior diffusers:ddpm",
    "probe --prior ffhq256_uncond --device cuda --dtype float16",
)
@what(
    "--prior",
    metavar="NAME|FILE",
    default="fashion32",
    show_default=True,
    help="As for `run`; a card needs no weights: random ones take as long.",
)
@device()
@how("--dtype", type=DTYPES, default="float32", show_default=True, help="Numbers in which networks compute.")
def probe(prior: str, device: str, dtype: str) -> None:
    """Measures how fast a network is on this machine, for `plan`.

    It makes 40 calls, fewer where they would take more than a minute, and keeps their times in the cache.
    """
    loading(f"prior {prior} on {device}")
    import torch

    from bench.cli.planning.table import probe_table
    from bench.forecast import probe as probing
    from bench.forecast.work import count
    from bench.system.device import get_device

    place, kind = get_device(device), getattr(torch, dtype)
    half = dtype in {"float16", "bfloat16"}
    network = probing.network_to_probe(prior, torch.float32 if half else kind, place, kind if half else None)
    found = probing.probe(network, count(network), dtype)
    path = probing.keep(found)
    click.echo(probe_table(found))
    click.echo(f"kept in {path}")
