"""Networks of other libraries are loaded by name, and laid out in memory as ours are."""

import pytest
import torch

from bench.priors import PriorError, load_prior
from bench.priors.adapters import ADAPTERS


def test_networks_of_other_libraries_have_the_memory_format_of_ours(ddpm_pipeline, azula):
    """Kernels of convolutions alone, with the values that they had."""
    name, unet = ddpm_pipeline()
    for prior in (load_prior(name), load_prior(f"{azula}:ablated"), load_prior("fashion32")):
        kernels = [p for p in prior.network.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
        assert kernels and all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
    loaded = load_prior(name).network.parameters()
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded, unet.parameters(), strict=True))


def test_a_name_goes_to_the_adapter_of_its_library(monkeypatch):
    monkeypatch.setitem(ADAPTERS, "azula", lambda *given: given)
    assert load_prior("azula:adm/NAME", torch.float64, "cpu", torch.float16) == (
        "adm/NAME",
        torch.float64,
        "cpu",
        torch.float16,
    )
    with pytest.raises(PriorError, match="unknown prior 'other:NAME'"):
        load_prior("other:NAME")
