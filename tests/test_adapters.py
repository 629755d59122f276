"""Networks of diffusers and azula as priors: tiny, with random weights."""

import math
import sys

import numpy as np
import pytest
import torch

from bench.priors import PriorError, load_prior
from bench.schedule import TableSchedule, VPSchedule

X = torch.linspace(-1, 1, 512).view(2, 1, 16, 16)


@pytest.fixture
def pipeline(tmp_path):
    """A function that saves a pipeline of random weights and gives its folder."""
    diffusers = pytest.importorskip("diffusers")

    def save(folder="pipe", classes=None, **scheduler):
        torch.manual_seed(0)
        unet = diffusers.UNet2DModel(
            sample_size=16,
            in_channels=1,
            out_channels=1,
            layers_per_block=1,
            block_out_channels=(32, 32),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8,
            num_class_embeds=classes,
        ).eval()
        diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler(**scheduler)).save_pretrained(tmp_path / folder)
        return f"diffusers:{tmp_path / folder}", unet

    return save


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_diffusers_predictions(pipeline, kind, device):
    """Against the scheduler's own estimate of the clean image."""
    from diffusers import DDPMScheduler

    name, unet = pipeline(prediction_type=kind, beta_schedule="squaredcos_cap_v2", clip_sample=False)
    prior = load_prior(name, device=device)
    t = prior.schedule.level(300)
    with torch.no_grad():
        out = unet(X, 300).sample
    theirs = DDPMScheduler(prediction_type=kind, beta_schedule="squaredcos_cap_v2", clip_sample=False).step(out, 300, X)
    torch.testing.assert_close(prior.denoise(X.to(device), t).cpu(), theirs.pred_original_sample, rtol=1e-3, atol=1e-3)
    assert isinstance(prior.schedule, TableSchedule) and prior.shape == (1, 16, 16)
    x0, pull = prior.vjp(X.to(device), t)
    assert torch.isfinite(pull(x0)).all()


def test_diffusers_schedules_and_identity(pipeline, tmp_path):
    linear = load_prior(pipeline()[0])
    assert linear.schedule == VPSchedule(), "its default is DDPM's"
    scaled = load_prior(pipeline("other", beta_schedule="scaled_linear")[0])
    betas = np.linspace(math.sqrt(1e-4), math.sqrt(2e-2), 1000) ** 2
    np.testing.assert_allclose(scaled.schedule.abar, np.cumprod(1 - betas), rtol=1e-5)
    assert linear.name == "diffusers:pipe" and len(linear.weights_sha256) == 64
    assert linear.weights_sha256 == scaled.weights_sha256 and linear.config_sha256 != scaled.config_sha256
    (tmp_path / "moved").mkdir()
    (tmp_path / "pipe").rename(tmp_path / "moved" / "pipe")
    again = load_prior(f"diffusers:{tmp_path}/moved/pipe")
    assert (again.name, again.config_sha256) == (linear.name, linear.config_sha256)


def test_diffusers_classes(pipeline):
    prior = load_prior(pipeline(classes=4)[0])
    t = prior.schedule.level(500)
    both = prior.condition([0, 3]).denoise(X, t)
    torch.testing.assert_close(both[1:], prior.condition([3]).denoise(X[1:], t))
    assert not torch.allclose(both, prior.condition([0, 0]).denoise(X, t))


def test_diffusers_folders_that_are_refused(pipeline, tmp_path, monkeypatch):
    name, _ = pipeline()
    folder = tmp_path / "pipe"
    with pytest.raises(PriorError, match=r"No such file.*takes the folder of a saved pipeline"):
        load_prior(f"diffusers:{tmp_path}")
    for path, old, new, message in [
        ("scheduler/scheduler_config.json", '"beta_schedule"', '"sigma_max"', "not a scheduler with betas"),
        ("scheduler/scheduler_config.json", '"rescale_betas_zero_snr": false', '"rescale_betas_zero_snr": true', "above 0"),
        ("unet/config.json", '"_class_name": "UNet2DModel"', '"_class_name": "DiT"', "only UNet2DModel"),
        ("model_index.json", '"unet"', '"vqvae": [], "unet"', "latents of its 'vqvae'"),
    ]:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))
        with pytest.raises(PriorError, match=message):
            load_prior(name)
        (folder / path).write_text(text)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(PriorError, match=r"pip install 'diffusion-inverse-bench\[diffusers\]'"):
        load_prior(name)


AZULA = '''
import torch
from azula.denoise import KarrasDenoiser
from azula.noise import CosineSchedule, VPSchedule
from azula.plugins.adm import make_model


class Backbone(torch.nn.Module):
    """Knows the level only."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, x, t):
        return self.gain * torch.tanh(x) * t.view(-1, 1, 1, 1)


def karras():
    return KarrasDenoiser(Backbone(), CosineSchedule()), (1, 16, 16)


def ablated():
    torch.manual_seed(0)
    return make_model(image_size=16, image_channels=1, num_channels=32, channel_mult=[1, 1], num_res_blocks=1,
                      attention_resolutions=[8], clip_mean=False, learn_var=False), (1, 16, 16)


def nothing():
    return 3, (1, 16, 16)
'''


@pytest.fixture
def azula(tmp_path):
    (tmp_path / "mine.py").write_text(AZULA)
    return f"azula:{tmp_path}/mine.py"


def test_azula_denoisers_at_any_level(azula, device):
    """Karras' preconditioning, written out, at grid points and between them."""
    prior = load_prior(f"{azula}:karras", device=device)
    assert prior.name == "azula:mine.py:karras"
    for t in [*prior.schedule.levels(5), prior.schedule.at(0.7)]:
        if t.sigma:
            total = t.alpha**2 + t.sigma**2
            inner = 0.5 * torch.tanh(X / math.sqrt(total)) * math.log(t.ratio)
            expected = t.alpha / total * X + t.sigma / math.sqrt(total) * inner
            torch.testing.assert_close(prior.denoise(X.to(device), t).cpu(), expected, rtol=1e-4, atol=1e-4)


def test_azula_ablated_denoisers_run_at_their_exact_steps(azula):
    prior = load_prior(f"{azula}:ablated")
    assert prior.schedule == VPSchedule() and prior.predicts == "eps"
    t = prior.schedule.level(300)
    eps = prior.network(X, torch.tensor([300.0]))
    torch.testing.assert_close(prior.denoise(X, t), (X - t.sigma * eps) / t.alpha)
    assert load_prior(f"{azula}:ablated").weights_sha256 == prior.weights_sha256


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("azula:adm/imagenet_255x255", "azula has no 'imagenet_255x255'; known: imagenet_64x64_cond"),
        ("azula:sd/anything_512x512", "give adm/NAME, vdm/NAME, file.py:function"),
        ("azula:no.such.module:f", "ModuleNotFoundError"),
    ],
)
def test_azula_names_that_mean_nothing(name, message):
    with pytest.raises(PriorError, match=message):
        load_prior(name)


def test_azula_functions_that_return_something_else(azula):
    with pytest.raises(PriorError, match="returned int, not a denoiser and a shape"):
        load_prior(f"{azula}:nothing")
    with pytest.raises(PriorError, match="AttributeError"):
        load_prior(f"{azula}:absent")
