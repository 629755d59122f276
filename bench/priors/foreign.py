"""Shared by the adapters of other libraries: tables of noise levels, and the identity of a prior."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from bench.priors.cards import PriorError
from bench.priors.network import NetworkPrior
from bench.records.keys import digest
from bench.schedule import RatioTable, TableSchedule

Table = TypeVar("Table", bound=RatioTable)


class LogRatios(nn.Module):
    """Maps indices, (B,), to log(sigma / alpha) of a schedule, (B,).

    It is linear between two levels, as `bench.schedule.RatioTable.at` is.
    """

    table: Tensor

    def __init__(self, schedule: RatioTable) -> None:
        super().__init__()
        self.register_buffer("table", torch.from_numpy(np.log(schedule.ratios)), persistent=False)

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
    return valid(TableSchedule, abar, source)


def valid(kind: Callable[[tuple[float, ...]], Table], table: np.ndarray, source: str) -> Table:
    """Makes a schedule of one of our kinds from its table, (T,).

    Args:
        kind: the class.
        table: what it takes.
        source: where the table comes from; starts the error's message.

    Raises:
        PriorError: the table is no schedule.

    """
    try:
        return kind(tuple(table.tolist()))
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
