"""Which batch fits into the memory of a device."""

from dataclasses import replace

from bench.forecast.rates import Target, table
from bench.forecast.work import NetworkWork, count, parameters
from bench.plan.plan import Plan
from bench.priors.network import NetworkPrior
from bench.system.device import free_memory

USABLE = 0.9
"""Share of the memory that is planned for; fragments, workspaces and solvers take the rest."""
FACTORS = {"float16": (1.5, 1.0), "bfloat16": (1.5, 1.0), "float64": (2.0, 2.0)}
"""Weights and activations over those of float32. Autocast keeps weights in both precisions, and norms in
float32: by benchmarks/gpu.py an image took 0.91 to 1.01 of the count in float32 on an H100."""
SMALL = 100
"""A network whose weights fit so often into the free memory needs no count."""


def room_on(target: Target) -> float:
    """Bytes of a device that a run may use."""
    if target.here is not None:
        return USABLE * free_memory(target.here)
    assert target.profile is not None, "the device is here or in the table"
    return USABLE * 1e9 * (table().devices[target.profile].memory_gb or 0.0)


def largest(work: NetworkWork, gradient: bool, room: float, dtype: str) -> int:
    """The largest batch whose weights and activations fit; 0 where one image does not.

    Args:
        gradient: whether a solver takes backward passes.
        room: bytes.
    """
    weights, activations = FACTORS.get(dtype, (1.0, 1.0))
    image = activations * (work.vjp_peak if gradient else work.evaluation_peak)
    return max(0, int(min((room - weights * work.weights) / max(image, 1.0), 1e9)))


def fitting(plan: Plan) -> Plan:
    """The plan with a batch that fits beside its weights, which are on the device already.

    It supposes that every solver takes backward passes. A network that cannot be counted changes nothing: a
    batch that does not fit after all is halved as it runs.
    """
    batch = plan.options.batch
    for prior in {id(cell.prior): cell.prior for cell in plan.cells}.values():
        if isinstance(prior, NetworkPrior):
            batch = min(batch, _fitting(prior, plan.options.dtype, batch))
    return replace(plan, options=replace(plan.options, batch=batch))


def _fitting(prior: NetworkPrior, dtype: str, batch: int) -> int:
    room = USABLE * free_memory(prior.device)
    if SMALL * sum(tensor.nbytes for tensor in parameters(prior)) < room:
        return batch
    try:
        work = count(prior)
    except Exception:  # noqa: BLE001 - a network of the user's may not run on the meta device
        return batch
    return max(1, largest(replace(work, weights=0.0), True, room, dtype))
