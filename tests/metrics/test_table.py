"""The table of metrics says how to read each of them, and knows the modes of FID and KID."""

from dataclasses import asdict
from typing import get_args

from bench.cli import cli
from bench.metrics import networks, table
from bench.metrics.table import METRICS
from bench.stats.features import MODES
from bench.suites.suite import Suite


def test_every_metric_says_how_to_read_it():
    for name, metric in METRICS.items():
        assert metric.label and metric.note and metric.rev >= 1, name
        assert set(asdict(metric)) == {"label", "decimals", "higher_is_better", "note", "rev", "scale"}


def test_everyone_knows_the_same_modes():
    verb = cli.commands["fid-stats"]
    choices = next(option.type.choices for option in verb.params if option.name == "mode")
    assert MODES == tuple(choices) == tuple(networks.RESIZE) == tuple(table.INCEPTION)
    assert get_args(Suite.model_fields["fid_mode"].annotation) == MODES
