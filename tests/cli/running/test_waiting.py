"""Threads spin shortly where nobody has said how they wait, and only where torch will read it."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bench.cli.running import waiting
from bench.cli.running.waiting import SHORT, wait_shortly
from tests import ROOT


@pytest.mark.parametrize(
    ("modules", "environment", "expected"),
    [
        ({}, {}, SHORT),
        ({}, {"OMP_NUM_THREADS": "2"}, {"OMP_NUM_THREADS": "2", **SHORT}),
        ({"torch": None}, {}, {}),
        ({}, {"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
        ({}, {"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({}, {"KMP_BLOCKTIME": "200"}, {"KMP_BLOCKTIME": "200"}),
    ],
)
def test_what_is_set_and_what_is_left(monkeypatch, modules, environment, expected):
    monkeypatch.setattr(waiting, "sys", SimpleNamespace(modules=modules))
    monkeypatch.setattr(os, "environ", environment)
    wait_shortly()
    assert environment == expected


def test_a_command_sets_it_before_torch_is_there():
    """Also from `python -m bench`; the children of a command inherit it."""
    code = (
        "import os, sys, bench.cli as c\n"
        "c.cli = lambda **_: print('torch' in sys.modules, os.environ.get('GOMP_SPINCOUNT'))\n"
        "c.main()\n"
    )
    unset = {"OMP_WAIT_POLICY", *SHORT}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", SHORT["GOMP_SPINCOUNT"]]
