"""What the adapters of other libraries share: their noise levels as a table, how a denoiser is asked at them,
and identity.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.priors.cards import PriorError
from bench.priors.network import NetworkPrior
from bench.records.keys import digest
from bench.schedule import Schedule, TableSchedule


class LogRatios(nn.Module):
    """Index -> log(sigma / alpha) of a schedule, (B,); linear between two levels, as
    `bench.schedule.Schedule.at` is.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.register_buffer(
            "table", torch.from_numpy(0.5 * np.log((1 - schedule.abar) / schedule.abar)), persistent=False
        )

    def forward(self, index: Tensor) -> Tensor:
        below = index.long().clamp(0, len(self.table) - 2)
        low, high = self.table[below], self.table[below + 1]
        return low + (index - below) * (high - low)


def table_schedule(abar: np.ndarray, source: str) -> TableSchedule:
    """The schedule of a table that another library has.

    Raises:
        PriorError: it is not one.

    """
    try:
        return TableSchedule(tuple(float(value) for value in abar))
    except ValueError as error:
        raise PriorError(f"{source}: {error}") from None


def named(prior: NetworkPrior, name: str, sha256: str, config: Mapping[str, Any]) -> NetworkPrior:
    """The prior, with its identity."""
    prior.name, prior.weights_sha256 = name, sha256
    prior.config_sha256 = digest(
        json.loads(json.dumps({**config, "schedule": asdict(prior.schedule)}, default=str))
    )
    return prior
