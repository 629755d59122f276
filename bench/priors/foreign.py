"""Shared by the adapters of other libraries: tables of noise levels, and the identity of a prior."""

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.priors.cards import PriorError
from bench.priors.network import NetworkPrior
from bench.records.keys import digest
from bench.schedule import Schedule, TableSchedule


class LogRatios(nn.Module):
    """Maps indices, (B,), to log(sigma / alpha) of a schedule, (B,).

    It is linear between two levels, as `bench.schedule.Schedule.at` is.
    """

    table: Tensor

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        log_ratios = 0.5 * np.log((1 - schedule.abar) / schedule.abar)
        self.register_buffer("table", torch.from_numpy(log_ratios), persistent=False)

    def forward(self, index: Tensor) -> Tensor:
        below = index.long().clamp(0, len(self.table) - 2)
        low, high = self.table[below], self.table[below + 1]
        return low + (index - below) * (high - low)


def table_schedule(abar: np.ndarray, source: str) -> TableSchedule:
    """Makes a schedule of another library's table of alpha^2, (T,), decreasing.

    Args:
        abar: the table.
        source: where it comes from; starts the error's message.

    Raises:
        PriorError: the table is no schedule.

    """
    try:
        return TableSchedule(tuple(float(value) for value in abar))
    except ValueError as error:
        raise PriorError(f"{source}: {error}") from None


def with_identity(prior: NetworkPrior, name: str, sha256: str, config: Mapping[str, Any]) -> NetworkPrior:
    """Gives a prior its name, the hash of its weights, and the hash of its configuration and schedule."""
    schedule = prior.schedule
    assert is_dataclass(schedule), "its fields are part of the identity"
    plain = json.dumps({**config, "schedule": asdict(schedule)}, default=str)
    prior.name, prior.weights_sha256 = name, sha256
    prior.config_sha256 = digest(json.loads(plain))
    return prior
