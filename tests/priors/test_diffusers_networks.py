"""Networks of diffusers as denoisers, against diffusers' own steps."""

from functools import partial

import numpy as np
import pytest
import torch

from bench.priors import load_prior
from tests.diffusers_models import MEAN, STD, X, circle, diffusers, made, ratios, save_pipeline


@pytest.fixture
def pipeline(tmp_path):
    return partial(save_pipeline, tmp_path / "pipe")


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["EDMEulerScheduler", "EDMDPMSolverMultistepScheduler", "CosineDPMSolverMultistepScheduler"]
)
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_preconditioning_is_that_of_diffusers(pipeline, name, kind, device, monkeypatch):
    scheduler = made(name, sigma_data=0.6, prediction_type=kind)
    monkeypatch.setattr(diffusers, name, type(scheduler))
    folder, unet = pipeline(scheduler)
    prior = load_prior(folder, device=device)
    for t in (prior.schedule.level(400), prior.schedule.at(1.3)):
        x, sigma = X.float(), torch.tensor(t.sigma)
        with torch.no_grad():
            out = unet(scheduler.precondition_inputs(x, sigma), scheduler.precondition_noise(sigma)).sample
        theirs = scheduler.precondition_outputs(x, out, sigma)
        torch.testing.assert_close(prior.denoise(x.to(device), t).cpu(), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("name", ["FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"])
def test_a_flow_is_that_of_diffusers(pipeline, name, device):
    """Their step to the clean image, from their own level."""
    scheduler = made(name, num_train_timesteps=100, shift=2.0)
    folder, unet = pipeline(scheduler)
    prior = load_prior(folder, device=device)
    np.testing.assert_allclose(
        [prior.schedule.level(i).ratio for i in range(99)], ratios(scheduler.sigmas[1:]), rtol=1e-4
    )
    scheduler.set_timesteps(1)
    s, time = scheduler.sigmas[0].item(), scheduler.timesteps[0]
    if s == 1:  # pure noise: one step further in
        scheduler.set_timesteps(5)
        s, time = scheduler.sigmas[-2].item(), scheduler.timesteps[-1]
    level = prior.schedule.at(s / (1 - s))
    x = X.float()
    with torch.no_grad():
        velocity = unet(x, time).sample
    torch.testing.assert_close(
        prior.denoise(X.float().to(device), level).cpu(), x - s * velocity, rtol=1e-4, atol=1e-4
    )


@pytest.mark.long
@pytest.mark.parametrize("flag", ["invert_sigmas", "use_dynamic_shifting"])
def test_a_flow_turned_around_or_shifted_by_its_sampler_is_that_of_diffusers(pipeline, flag):
    """Their last step, to the clean image; and the prior's levels are those of their table, which no image
    has shifted."""
    scheduler = made("FlowMatchEulerDiscreteScheduler", **{flag: True})
    folder, unet = pipeline(scheduler)
    prior = load_prior(folder)
    np.testing.assert_allclose(prior.schedule.ratios, ratios(scheduler.sigmas[1:]), rtol=1e-4)
    scheduler.set_timesteps(5, mu=0.7 if flag == "use_dynamic_shifting" else None)
    time = scheduler.timesteps[-1]
    s = 1 - time.item() / 1000 if flag == "invert_sigmas" else time.item() / 1000
    level = prior.schedule.at(s / (1 - s))
    x = X.float()
    scheduler.set_begin_index(4)
    with torch.no_grad():
        theirs = scheduler.step(unet(x, time).sample, time, x).prev_sample
    torch.testing.assert_close(prior.denoise(X.float(), level), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize(
    "scheduler", ["EDMEulerScheduler", "FlowMatchEulerDiscreteScheduler", "ScoreSdeVeScheduler"]
)
def test_class_labels_reach_every_kind(pipeline, scheduler):
    prior = load_prior(pipeline(made(scheduler), num_class_embeds=4)[0])
    t, x = prior.schedule.level(500), X.float()
    both = prior.condition([0, 3]).denoise(x, t)
    torch.testing.assert_close(both[1:], prior.condition([3]).denoise(x[1:], t), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(both, prior.condition([0, 0]).denoise(x, t))


@pytest.mark.long
def test_the_angles_network_is_what_its_own_sampler_takes_it_for():
    """IPNDM's steps with the stand-in carry N(0, 1) into the distribution that it is exact for."""
    scheduler = diffusers.IPNDMScheduler()
    scheduler.set_timesteps(100)
    x = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64).view(3, 1, 1, 1)
    for t in scheduler.timesteps:
        x = scheduler.step(circle(x, t.double()), t, x).prev_sample
    torch.testing.assert_close(
        x.flatten(), MEAN + STD * torch.tensor([-1.0, 0.0, 1.0]).double(), atol=0.02, rtol=0
    )
