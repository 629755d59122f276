"""Fixtures of the operators' tests."""

import pytest

from bench.operators import masks as freeform
from bench.operators import nonlinear as learned


@pytest.fixture
def no_files(monkeypatch, tmp_path):
    """No file that a user supplies is found."""
    for variable in (freeform.VARIABLE, learned.VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
