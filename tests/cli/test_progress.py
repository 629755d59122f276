"""Observers of a run: lines for logs, bars for terminals."""

import io
from types import SimpleNamespace

import pytest

from bench.cli.progress import PlainLines, RichBars, make_observer
from bench.run.progress import Estimator, Observer
from tests.made_run import record

CELL = SimpleNamespace(
    id="c",
    label="dps",
    task=SimpleNamespace(name="blur"),
    steps=4,
    solver=SimpleNamespace(yields=lambda: 4),
    samples_per_problem=1,
    reason=None,
    prior=SimpleNamespace(name="net"),
)


def test_lines_come_with_the_share_of_the_work_and_for_every_loss():
    stream = io.StringIO()
    lines = PlainLines(Estimator([]), stream)
    lines.start([(CELL, 100)])
    for i in range(100):
        lines.recorded(
            CELL, record("pinv", i % 12, psnr=20.0, status="failed" if i == 1 else "ok", reason="no")
        )
    told = stream.getvalue().splitlines()
    assert len(told) == 21, "a line every 5 %, and one for the loss"
    assert told[0].endswith(f"blur/dps {record('pinv', 1).image}: failed: no")
    assert " 5/100 (5%) blur/dps " in told[1] and told[1].endswith(" psnr 20.00")
    assert " 100/100 (100%) " in told[-1]


def test_bars_count_every_record():
    bars = RichBars(Estimator([]))
    bars.start([(CELL, 2)], workers=2)
    bars.step(CELL, 1, 8)
    bars.recorded(CELL, record("pinv", 0))
    bars.recorded(CELL, record("pinv", 1, status="failed", reason="[no] markup"))
    bars.finish()
    whole, batch = bars.bars.tasks
    assert (whole.completed, whole.total, batch.completed, batch.total) == (2, 2, 1, 4)


@pytest.mark.parametrize(("kind", "cls"), [("none", Observer), ("plain", PlainLines), ("rich", RichBars)])
def test_observers_by_name(kind, cls):
    assert type(make_observer(kind, [])) is cls


@pytest.mark.parametrize(("terminal", "cls"), [(True, RichBars), (False, PlainLines)])
def test_bars_are_for_terminals(monkeypatch, terminal, cls):
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: terminal, write=len, flush=id))
    assert type(make_observer("auto", [])) is cls
