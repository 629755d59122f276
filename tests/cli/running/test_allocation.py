"""Freed memory stays with a command, unless its user says otherwise."""

import os
import subprocess
import sys

import pytest

from bench.cli.running.allocation import KEPT
from tests import ROOT

CODE = """
import os, resource
from bench.cli.running.allocation import keep_freed_memory
keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(32 * 2**20)
before = faults()
for _ in range(8):
    bytearray(32 * 2**20)  # 8192 pages each
print(faults() - before, os.environ.get("MALLOC_MMAP_THRESHOLD_"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
@pytest.mark.parametrize(
    ("given", "stays"),
    [({}, True), ({"MALLOC_ARENA_MAX": "2"}, True), ({"MALLOC_MMAP_THRESHOLD_": "131072"}, False)],
)
def test_pages_are_asked_for_once(given, stays):
    inherited = {name: value for name, value in os.environ.items() if name not in KEPT}
    environment = inherited | {"PYTHONPATH": str(ROOT)} | given
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    faults, threshold = done.stdout.split()
    assert threshold == given.get("MALLOC_MMAP_THRESHOLD_", str(KEPT["MALLOC_MMAP_THRESHOLD_"]))
    assert (int(faults) < 8192) == stays


@pytest.mark.parametrize(
    "given", [{"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=1"}, {"MALLOC_TRIM_THRESHOLD_": "9"}]
)
def test_the_users_own_setting_stays(monkeypatch, given):
    from bench.cli.running.allocation import keep_freed_memory

    monkeypatch.setattr(os, "environ", dict(given))
    keep_freed_memory()
    assert os.environ == given
