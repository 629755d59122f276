"""Every kind of scheduler of diffusers: against exact denoisers of a Gaussian, and against diffusers' own
steps."""

import importlib
import inspect
import math
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from bench.priors import PriorError, load_prior
from bench.priors.diffusers_kinds import interpret
from bench.priors.diffusers_priors import DEPRECATED
from bench.priors.network import NetworkPrior

diffusers = pytest.importorskip("diffusers")
pytestmark = pytest.mark.long

X = torch.linspace(-1, 1, 512, dtype=torch.float64).view(2, 1, 16, 16)
MEAN, STD = 0.3, 0.4
T = 50
FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0}


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_is_exact_gives_an_exact_prior(kind):
    """At levels and between them, value and gradient; and the ends of the range."""
    name, config, network, ends = KINDS[kind]
    found = interpret(StandIn(network), made(name, **config), "here")
    prior = NetworkPrior(found.network, (1, 16, 16), found.schedule, torch.float64, predicts=found.predicts)
    np.testing.assert_allclose(
        [found.schedule.level(0).ratio, found.schedule.level(found.schedule.T - 1).ratio], ends, rtol=1e-5
    )
    for t in (found.schedule.level(3), found.schedule.level(found.schedule.T - 1), found.schedule.at(0.71)):
        x0, pull = prior.vjp(X, t)
        # An index in single precision moves a steep level by 1e-7 of itself.
        torch.testing.assert_close(x0, exact(X, t.alpha, t.sigma), rtol=0, atol=2e-6)
        gain = t.alpha * STD**2 / (t.alpha**2 * STD**2 + t.sigma**2)
        torch.testing.assert_close(pull(X), gain * X, rtol=1e-5, atol=2e-6)


@pytest.fixture
def pipeline(tmp_path):
    """A function that saves a folder of random weights with a scheduler, and gives its name and network."""

    def save(scheduler, **options):
        torch.manual_seed(0)
        unet = diffusers.UNet2DModel(
            sample_size=16, in_channels=1, layers_per_block=1, block_out_channels=(16, 16),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8, attention_head_dim=8, **{"out_channels": 1} | options,
        ).eval()  # fmt: skip
        diffusers.DDPMPipeline(unet, scheduler).save_pretrained(tmp_path / "pipe")
        return f"diffusers:{tmp_path}/pipe", unet

    return save


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
        x, sigma = X.float(), torch.tensor(t.ratio)
        with torch.no_grad():
            out = unet(
                scheduler.precondition_inputs(x / t.alpha, sigma), scheduler.precondition_noise(sigma)
            ).sample
        theirs = scheduler.precondition_outputs(x / t.alpha, out, sigma)
        torch.testing.assert_close(prior.denoise(x.to(device), t).cpu(), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"])
def test_a_flow_is_that_of_diffusers(pipeline, name, device):
    """Their step to the clean image, from their own level."""
    scheduler = made(name, num_train_timesteps=100, shift=2.0)
    folder, unet = pipeline(scheduler)
    prior = load_prior(folder, device=device)
    np.testing.assert_allclose(
        [prior.schedule.level(i).ratio for i in range(99)], _ratios(scheduler.sigmas[1:]), rtol=1e-4
    )
    scheduler.set_timesteps(1)
    s, time = scheduler.sigmas[0].item(), scheduler.timesteps[0]
    if s == 1:  # pure noise: one step further in
        scheduler.set_timesteps(5)
        s, time = scheduler.sigmas[-2].item(), scheduler.timesteps[-1]
    level = prior.schedule.at(s / (1 - s))
    x = X.float() * (1 - s) / level.alpha  # what they have at the level
    with torch.no_grad():
        velocity = unet(x, time).sample
    torch.testing.assert_close(
        prior.denoise(X.float().to(device), level).cpu(), x - s * velocity, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("flag", ["invert_sigmas", "use_dynamic_shifting"])
def test_a_flow_turned_around_or_shifted_by_its_sampler_is_that_of_diffusers(pipeline, flag):
    """Their last step, to the clean image; and the prior's levels are those of their table, which no image
    has shifted."""
    scheduler = made("FlowMatchEulerDiscreteScheduler", **{flag: True})
    folder, unet = pipeline(scheduler)
    prior = load_prior(folder)
    np.testing.assert_allclose(np.sqrt(1 / prior.schedule.abar - 1), _ratios(scheduler.sigmas[1:]), rtol=1e-4)
    scheduler.set_timesteps(5, mu=0.7 if flag == "use_dynamic_shifting" else None)
    time = scheduler.timesteps[-1]
    s = 1 - time.item() / 1000 if flag == "invert_sigmas" else time.item() / 1000
    level = prior.schedule.at(s / (1 - s))
    x = X.float() * (1 - s) / level.alpha
    scheduler.set_begin_index(4)
    with torch.no_grad():
        theirs = scheduler.step(unet(x, time).sample, time, x).prev_sample
    torch.testing.assert_close(prior.denoise(X.float(), level), theirs, rtol=1e-4, atol=1e-4)


def _ratios(sigmas):
    s = sigmas.double().flip(0).numpy()
    return s / (1 - s)


SCHEDULERS = {name: getattr(diffusers, name) for name in dir(diffusers) if name.endswith("Scheduler")}
SCHEDULERS |= {
    name: getattr(importlib.import_module(f"diffusers.schedulers.deprecated.{place}"), name)
    for name, place in DEPRECATED.items()
}
SCHEDULERS = {name: cls for name, cls in SCHEDULERS.items() if issubclass(cls, diffusers.SchedulerMixin)}
BETAS = [name for name, cls in SCHEDULERS.items() if "beta_schedule" in inspect.signature(cls).parameters]


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


@pytest.mark.parametrize(
    "scheduler", ["EDMEulerScheduler", "FlowMatchEulerDiscreteScheduler", "ScoreSdeVeScheduler"]
)
def test_class_labels_reach_every_kind(pipeline, scheduler):
    prior = load_prior(pipeline(made(scheduler), num_class_embeds=4)[0])
    t, x = prior.schedule.level(500), X.float()
    both = prior.condition([0, 3]).denoise(x, t)
    torch.testing.assert_close(both[1:], prior.condition([3]).denoise(x[1:], t), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(both, prior.condition([0, 0]).denoise(x, t))


def test_what_changes_a_result_is_in_the_identity(pipeline):
    """Scale and sign of the preconditioning are in no schedule; a sampler's order changes nothing."""

    def identity(**config):
        return load_prior(pipeline(made("EDMDPMSolverMultistepScheduler", **config))[0]).config_sha256

    found = [
        identity(**config)
        for config in ({}, {"sigma_data": 1.0}, {"prediction_type": "v_prediction"}, {"sigma_max": 9.0})
    ]
    assert len(set(found)) == 4 and identity(solver_order=1) == found[0]


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


def test_a_network_that_returns_more_than_it_takes(pipeline):
    folder, _ = pipeline(made("EDMEulerScheduler"), out_channels=2)
    with pytest.raises(PriorError, match="its network returns 2 channels for images of 1"):
        load_prior(folder)


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


def test_the_angles_network_is_what_its_own_sampler_takes_it_for():
    """IPNDM's steps with the stand-in carry N(0, 1) into the law that it is exact for."""
    scheduler = diffusers.IPNDMScheduler()
    scheduler.set_timesteps(100)
    x = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64).view(3, 1, 1, 1)
    for t in scheduler.timesteps:
        x = scheduler.step(circle(x, t.double()), t, x).prev_sample
    torch.testing.assert_close(
        x.flatten(), MEAN + STD * torch.tensor([-1.0, 0.0, 1.0]).double(), atol=0.02, rtol=0
    )
