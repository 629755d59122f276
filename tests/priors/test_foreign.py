"""Shared by the adapters: levels between those of a table, and the identity of a prior."""

import numpy as np
import pytest
import torch

from bench.priors import PriorError
from bench.priors.foreign import LogRatios, table_schedule, with_identity
from bench.priors.network import NetworkPrior
from bench.priors.unet import build_unet
from bench.schedule import TableSchedule, VPSchedule
from tests.tiny import ARCHITECTURE


@pytest.mark.parametrize("schedule", [VPSchedule(), TableSchedule((0.9, 0.5, 0.1))], ids=["linear", "table"])
def test_log_ratios_are_those_of_the_schedule_at_and_between_its_levels(schedule):
    at = [schedule.level(0), schedule.level(schedule.T - 1), schedule.at(1.3), schedule.at(0.9)]
    found = LogRatios(schedule)(torch.tensor([float(t.index) for t in at], dtype=torch.float64))
    np.testing.assert_allclose(found.exp(), [t.ratio for t in at], rtol=1e-6)


@pytest.mark.parametrize("abar", [[0.5, 0.6], [0.5, 0.0]])
def test_a_table_that_is_no_schedule_is_refused_by_its_source(abar):
    with pytest.raises(PriorError, match=r"^pipe: .*decreasing"):
        table_schedule(np.array(abar), "pipe")


def test_the_identity_has_the_settings_and_the_schedule():
    def identity(schedule=None, **config):
        network = build_unet(**ARCHITECTURE)
        prior = with_identity(NetworkPrior(network, (1, 16, 16), schedule), "mine", "0" * 64, config)
        assert (prior.name, prior.weights_sha256) == ("mine", "0" * 64)
        return prior.config_sha256

    known = identity(side=16)
    assert identity(side=16) == known
    assert len({known, identity(side=17), identity(VPSchedule(500), side=16)}) == 3
