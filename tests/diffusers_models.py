"""Exact denoisers of a Gaussian under each process of diffusers, and pipelines of random weights.

What imports this module is skipped where diffusers is not installed.
"""

import importlib
import inspect
import math
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from bench.priors.diffusers_priors import DEPRECATED

diffusers = pytest.importorskip("diffusers")

X = torch.linspace(-1, 1, 512, dtype=torch.float64).view(2, 1, 16, 16)

MEAN, STD = 0.3, 0.4

T = 50


def exact(x, alpha, sigma, mean=MEAN, std=STD):
    """E[x0 | alpha x0 + sigma eps = x] for x0 ~ N(mean, std^2)."""
    return mean + alpha * std**2 * (x - alpha * mean) / (alpha**2 * std**2 + sigma**2)


def flow(x, t):
    s = t / T
    x0 = exact(x, 1 - s, s)
    return (x - (1 - s) * x0) / s - x0


def edm(data, sign=1, sigma_of=lambda t: (4 * t).exp()):
    def network(x, t):
        sigma = sigma_of(t)
        total = (sigma**2 + data**2).sqrt()
        noisy = x * total
        return sign * (exact(noisy, 1, sigma) - data**2 / total**2 * noisy) * total / (sigma * data)

    return network


def score(x01, sigma):
    return ((MEAN + 1) / 2 - x01) / ((STD / 2) ** 2 + sigma**2)


def circle(x, t):
    alpha, sigma = (t * math.pi / 2).cos(), (t * math.pi / 2).sin()
    x0 = exact(x, alpha, sigma)
    return alpha * (x - alpha * x0) / sigma - sigma * x0


class StandIn(torch.nn.Module):
    """A function of input and time, called as a UNet2DModel is."""

    def __init__(self, f):
        super().__init__()
        self.f = f
        self.register_buffer("none", torch.zeros(()))

    def forward(self, x, t, class_labels=None):
        return SimpleNamespace(sample=self.f(x, t.double().view(-1, 1, 1, 1)))


def made(name, **config):
    """A scheduler; one imports a package which only its steps need, and one is not exported."""
    if name in DEPRECATED:
        return SCHEDULERS[name](**config)
    if name != "CosineDPMSolverMultistepScheduler":
        return getattr(diffusers, name)(**config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torchsde", ModuleType("torchsde"))
        module = importlib.import_module("diffusers.schedulers.scheduling_cosine_dpmsolver_multistep")
        return getattr(module, name)(**config)


SCHEDULERS = {name: getattr(diffusers, name) for name in dir(diffusers) if name.endswith("Scheduler")}
SCHEDULERS |= {
    name: getattr(importlib.import_module(f"diffusers.schedulers.deprecated.{place}"), name)
    for name, place in DEPRECATED.items()
}
SCHEDULERS = {name: cls for name, cls in SCHEDULERS.items() if issubclass(cls, diffusers.SchedulerMixin)}

BETAS = [name for name, cls in SCHEDULERS.items() if "beta_schedule" in inspect.signature(cls).parameters]


def ratios(sigmas):
    s = sigmas.double().flip(0).numpy()
    return s / (1 - s)


def save_pipeline(folder, scheduler, **options):
    """Saves a network of random weights with a scheduler; the name of the prior, and the network."""
    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=16, in_channels=1, layers_per_block=1, block_out_channels=(16, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8, attention_head_dim=8, **{"out_channels": 1} | options,
    ).eval()  # fmt: skip
    diffusers.DDPMPipeline(unet, scheduler).save_pretrained(folder)
    return f"diffusers:{folder}", unet
