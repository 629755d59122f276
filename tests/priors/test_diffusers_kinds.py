"""Every kind of scheduler of diffusers is known or refused; a known one gives the levels of its network."""

import importlib
import inspect
import math
from functools import partial

import numpy as np
import pytest
import torch

from bench.priors import PriorError, load_prior
from bench.priors.diffusers_kinds import interpret
from bench.priors.network import NetworkPrior
from bench.schedule import FlowSchedule, KarrasSchedule, VariancePreserving
from tests.diffusers_models import (
    BETAS,
    SCHEDULERS,
    STD,
    StandIn,
    T,
    X,
    circle,
    edm,
    exact,
    flow,
    made,
    save_pipeline,
    score,
)

FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0}

SHORT = {"num_train_timesteps": T}

KINDS = {
    "edm": ("EDMEulerScheduler", SHORT, edm(0.5), (0.002, 80)),
    "edm v": (
        "EDMEulerScheduler",
        SHORT | {"prediction_type": "v_prediction", "sigma_data": 0.7},
        edm(0.7, -1),
        (0.002, 80),
    ),
    "edm exp": (
        "EDMEulerScheduler",
        SHORT | {"sigma_schedule": "exponential", "sigma_max": 9.0},
        edm(0.5),
        (0.002, 9),
    ),
    "edm dpm": ("EDMDPMSolverMultistepScheduler", SHORT | {"sigma_min": 0.01}, edm(0.5), (0.01, 80)),
    "cosine": (
        "CosineDPMSolverMultistepScheduler",
        SHORT,
        edm(1.0, -1, lambda t: (t * math.pi / 2).tan()),
        (0.3, 500),
    ),
    "euler": (
        "EulerDiscreteScheduler",
        SHORT
        | {"timestep_type": "continuous", "prediction_type": "v_prediction", "use_karras_sigmas": True}
        | {"sigma_min": 0.002, "sigma_max": 700.0},
        edm(1.0, -1),
        (0.002, 700),
    ),
    "flow": ("FlowMatchEulerDiscreteScheduler", SHORT, flow, (1 / 49, 49)),
    "flow shifted": ("FlowMatchEulerDiscreteScheduler", SHORT | {"shift": 3.0}, flow, (3 / 49, 3 * 49)),
    "flow inverted": (
        "FlowMatchEulerDiscreteScheduler",
        SHORT | {"invert_sigmas": True},
        lambda x, t: -flow(x, T - t),
        (1 / 49, 49),
    ),
    "flow dynamic": (
        "FlowMatchEulerDiscreteScheduler",
        SHORT | {"use_dynamic_shifting": True, "shift": 3.0},
        flow,
        (1 / 49, 49),
    ),
    "flow heun": ("FlowMatchHeunDiscreteScheduler", SHORT | {"shift": 2.0}, flow, (2 / 49, 2 * 49)),
    "flow dpm": ("DPMSolverMultistepScheduler", SHORT | FLOW, flow, (3 / 49, 3 * 49)),
    "flow unipc": ("UniPCMultistepScheduler", SHORT | FLOW, flow, (3 / 49, 3 * 49)),
    "ve": ("ScoreSdeVeScheduler", SHORT | {"sigma_min": 0.01, "sigma_max": 50.0}, score, (0.02, 100)),
    "karras ve": ("KarrasVeScheduler", {}, score, (0.02, 100)),
    "circle": ("IPNDMScheduler", SHORT, circle, (math.tan(math.pi / 100), math.tan(0.49 * math.pi))),
}

OWN = {"flow": FlowSchedule, "circle": VariancePreserving}
"""The first word of a kind -> its coordinates; all others have alpha = 1."""


@pytest.fixture
def pipeline(tmp_path):
    return partial(save_pipeline, tmp_path / "pipe")


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_is_exact_gives_an_exact_prior(kind):
    """At levels and between them, value and gradient; and the ends of the range."""
    name, config, network, ends = KINDS[kind]
    found = interpret(StandIn(network), made(name, **config), "here")
    prior = NetworkPrior(found.network, (1, 16, 16), found.schedule, torch.float64, predicts=found.predicts)
    np.testing.assert_allclose(
        [found.schedule.level(0).ratio, found.schedule.level(found.schedule.T - 1).ratio], ends, rtol=1e-5
    )
    assert isinstance(found.schedule, OWN.get(kind.split()[0], KarrasSchedule))
    for t in (found.schedule.level(3), found.schedule.level(found.schedule.T - 1), found.schedule.at(0.71)):
        x0, pull = prior.vjp(X, t)
        # An index in single precision moves a steep level by 1e-7 of itself.
        torch.testing.assert_close(x0, exact(X, t.alpha, t.sigma), rtol=0, atol=2e-6)
        gain = t.alpha * STD**2 / (t.alpha**2 * STD**2 + t.sigma**2)
        torch.testing.assert_close(pull(X), gain * X, rtol=1e-5, atol=2e-6)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted({*BETAS} - {"LCMScheduler", "TCDScheduler"}))
def test_schedulers_with_betas_share_the_network(pipeline, name):
    """Levels are those of alphas_cumprod, whatever flags spread a sampler's steps."""
    config = inspect.signature(SCHEDULERS[name]).parameters
    flags = {"use_karras_sigmas": True} if "use_karras_sigmas" in config else {}
    scheduler = made(name, **flags, beta_schedule="squaredcos_cap_v2")
    folder, unet = pipeline(scheduler)
    prior, t = load_prior(folder), 300
    abar = scheduler.alphas_cumprod.double().numpy()
    np.testing.assert_allclose(prior.schedule.abar, abar, rtol=1e-4, atol=1e-9)
    with torch.no_grad():
        eps = unet(X.float(), t).sample
    expected = (X.float() - math.sqrt(1 - abar[t]) * eps) / math.sqrt(abar[t])
    torch.testing.assert_close(
        prior.denoise(X.float(), prior.schedule.level(t)), expected, rtol=1e-3, atol=1e-3
    )


@pytest.mark.long
def test_schedulers_of_an_absent_package_or_of_shifted_betas(pipeline, tmp_path):
    """One whose class needs a package that is not here, by its betas; and CogVideoX's, which are not those of
    its levels."""
    folder, _ = pipeline(
        made("DDPMScheduler", beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    )
    known, path = load_prior(folder), tmp_path / "pipe" / "scheduler" / "scheduler_config.json"
    path.write_text(path.read_text().replace('"DDPMScheduler"', '"DPMSolverSDEScheduler"'))
    assert load_prior(folder).config_sha256 == known.config_sha256
    path.write_text(
        path.read_text().replace('"DPMSolverSDEScheduler"', '"CosineDPMSolverMultistepScheduler"')
    )
    if importlib.util.find_spec("torchsde") is None:
        with pytest.raises(PriorError, match=r"cannot be made: .* requires the torchsde library"):
            load_prior(folder)


@pytest.mark.long
def test_zero_terminal_snr_leaves_out_the_level_of_pure_noise(pipeline):
    scheduler = made(
        "DDIMScheduler", rescale_betas_zero_snr=True, prediction_type="v_prediction", clip_sample=False
    )
    folder, unet = pipeline(scheduler)
    prior = load_prior(folder)
    assert prior.schedule.T == 999
    np.testing.assert_allclose(prior.schedule.abar, scheduler.alphas_cumprod[:-1].double(), rtol=1e-3)
    with torch.no_grad():
        out = unet(X.float(), 998).sample
    scheduler.set_timesteps(1000)
    theirs = scheduler.step(out, 998, X.float()).pred_original_sample
    torch.testing.assert_close(
        prior.denoise(X.float(), prior.schedule.level(998)), theirs, rtol=1e-3, atol=1e-3
    )


@pytest.mark.long
def test_what_changes_a_result_is_in_the_identity(pipeline):
    """Scale and sign of the preconditioning are in no schedule; a sampler's order changes nothing."""

    def identity(**config):
        return load_prior(pipeline(made("EDMDPMSolverMultistepScheduler", **config))[0]).config_sha256

    found = [
        identity(**config)
        for config in ({}, {"sigma_data": 1.0}, {"prediction_type": "v_prediction"}, {"sigma_max": 9.0})
    ]
    assert len(set(found)) == 4 and identity(solver_order=1) == found[0]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("CMStochasticIterativeScheduler", {}, "its network is a consistency function, not E\\[x0 | x_t\\]"),
        ("LCMScheduler", {}, "consistency function"),
        ("ScoreSdeVpScheduler", {}, "does not say at which time"),
        (
            "UniPCMultistepScheduler",
            {"use_flow_sigmas": True},
            "use_flow_sigmas needs prediction_type flow_prediction",
        ),
        (
            "EDMDPMSolverMultistepScheduler",
            {"prediction_type": "sample"},
            "has no preconditioning for prediction_type 'sample'",
        ),
        (
            "AmusedScheduler",
            {"mask_token_id": 0},
            "is no scheduler under which a UNet2DModel is a denoiser; known are",
        ),
    ],
)
def test_kinds_that_are_refused(pipeline, name, config, message):
    with pytest.raises(PriorError, match=f"pipe: .*{message}"):
        load_prior(pipeline(SCHEDULERS[name](**config))[0])


@pytest.mark.long
def test_a_network_that_returns_more_than_it_takes(pipeline):
    folder, _ = pipeline(made("EDMEulerScheduler"), out_channels=2)
    with pytest.raises(PriorError, match="its network returns 2 channels for images of 1"):
        load_prior(folder)


@pytest.mark.long
def test_no_scheduler_of_diffusers_is_overlooked():
    """Each one is known or refused in a line; none raises anything else."""
    known, refused = set(), {}
    for name, cls in SCHEDULERS.items():
        try:
            interpret(StandIn(flow), cls(), "here")
            known.add(name)
        except PriorError as error:
            refused[name] = str(error)
        except TypeError as error:  # a token, a protein's modes: it needs what no image has
            assert "required positional argument" in str(error)
    consistent = {
        "CMStochasticIterativeScheduler",
        "LCMScheduler",
        "TCDScheduler",
        "SCMScheduler",
        "FlowMatchLCMScheduler",
    }
    assert {name for name, text in refused.items() if "consistency" in text} == consistent
    assert {*BETAS} - consistent <= known
    assert {
        "EDMEulerScheduler",
        "FlowMatchHeunDiscreteScheduler",
        "KarrasVeScheduler",
        "IPNDMScheduler",
    } <= known
