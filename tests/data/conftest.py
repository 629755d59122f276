"""Shared by the tests of data sets: a machine on which nothing was fetched or named."""

import pytest

VARIABLES = ("BENCH_DATA", "BENCH_IMAGENET", "BENCH_FFHQ", "BENCH_FREEFORM_MASKS", "BENCH_BKSE")


@pytest.fixture(autouse=True)
def fresh_machine(monkeypatch, tmp_path):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
