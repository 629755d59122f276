"""Shared by the tests: the devices that there are."""

import pytest
import torch

from bench.system.device import full_precision
from tests.far import REAL

DEVICES = [REAL] if REAL else ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(params=DEVICES)
def device(request):
    """Each device of this machine, or the one that BENCH_TEST_DEVICE names, in true float32 as in a run."""
    with full_precision():
        yield torch.device(request.param)
