"""Shared by the tests: the devices that there are."""

import pytest
import torch


@pytest.fixture(params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request):
    """Each device of this machine."""
    return torch.device(request.param)
