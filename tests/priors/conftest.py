"""Shared by the tests of priors: tiny networks of diffusers and azula with random weights."""

import pytest
import torch


@pytest.fixture
def ddpm_pipeline(tmp_path):
    """A function that saves a ddpm_pipeline of random weights and gives its folder."""
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


AZULA = '''
import torch
from azula.denoise import GaussianDenoiser, KarrasDenoiser
from azula.linalg.covariance import IsotropicCovariance
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


def gaussian():
    covariance = IsotropicCovariance(torch.tensor(0.25))
    return GaussianDenoiser(torch.full((1, 16, 16), 0.3), covariance, CosineSchedule()), (1, 16, 16)


def ablated(**options):
    torch.manual_seed(0)
    size = {"image_size": 16, "image_channels": 1, "num_channels": 32, "channel_mult": [1, 1]}
    size |= {"num_res_blocks": 1, "attention_resolutions": [8]}
    denoiser = make_model(**size, clip_mean=False, learn_var=False, **options)
    for p in denoiser.parameters():
        torch.nn.init.normal_(p, std=0.05)
    return denoiser, (1, 16, 16)


def cosine():
    return ablated(discrete_schedule="cosine")


def short():
    return ablated(discrete_steps=250)


def conditional():
    return ablated(num_classes=4)


def nothing():
    return 3, (1, 16, 16)
'''


@pytest.fixture
def azula(tmp_path):
    (tmp_path / "mine.py").write_text(AZULA)
    return f"azula:{tmp_path}/mine.py"
