"""Pipeline folders of diffusers as priors: networks, schedules, classes and formats of files."""

import math
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.priors import PriorError, load_prior
from bench.schedule import TableSchedule, VPSchedule
from bench.system.versions import versions

WEIGHTS = "diffusion_pytorch_model.safetensors"

X = torch.linspace(-1, 1, 512).view(2, 1, 16, 16)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_diffusers_predictions(ddpm_pipeline, kind, device):
    """Against the scheduler's own estimate of the clean image."""
    from diffusers import DDPMScheduler

    name, unet = ddpm_pipeline(prediction_type=kind, beta_schedule="squaredcos_cap_v2", clip_sample=False)
    prior = load_prior(name, device=device)
    t = prior.schedule.level(300)
    with torch.no_grad():
        out = unet(X, 300).sample
    theirs = DDPMScheduler(prediction_type=kind, beta_schedule="squaredcos_cap_v2", clip_sample=False).step(
        out, 300, X
    )
    torch.testing.assert_close(
        prior.denoise(X.to(device), t).cpu(), theirs.pred_original_sample, rtol=1e-3, atol=1e-3
    )
    assert isinstance(prior.schedule, TableSchedule) and prior.shape == (1, 16, 16)
    x0, pull = prior.vjp(X.to(device), t)
    assert torch.isfinite(pull(x0)).all()
    assert "diffusers" in versions(), "what a record keeps"


def test_diffusers_variance_exploding(tmp_path, device):
    """Against Tweedie's formula in the network's own units, images in [0, 1]; between two levels too."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    blocks = {
        "down_block_types": ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",),
        "block_out_channels": (32,),
    }
    size = {
        "sample_size": 16,
        "in_channels": 1,
        "out_channels": 1,
        "layers_per_block": 1,
        "norm_num_groups": 8,
    }
    unet = diffusers.UNet2DModel(time_embedding_type="fourier", **size, **blocks).eval()
    scheduler = diffusers.ScoreSdeVeScheduler(num_train_timesteps=50, sigma_min=0.02, sigma_max=40.0)
    diffusers.ScoreSdeVePipeline(unet, scheduler).save_pretrained(tmp_path / "ve")
    prior = load_prior(f"diffusers:{tmp_path}/ve", device=device)
    theirs = scheduler.discrete_sigmas.double().numpy()
    ratios = [prior.schedule.level(i).ratio for i in range(prior.schedule.T)]
    np.testing.assert_allclose(ratios, 2 * theirs, rtol=1e-5)
    for t in (prior.schedule.level(30), prior.schedule.at(2.5)):
        sigma, x01 = t.ratio / 2, (X / t.alpha + 1) / 2
        with torch.no_grad():
            score = unet(x01, torch.full((2,), sigma)).sample
        expected = 2 * (x01 + sigma**2 * score) - 1
        torch.testing.assert_close(prior.denoise(X.to(device), t).cpu(), expected, rtol=1e-4, atol=1e-4)


def test_diffusers_schedules_and_identity(ddpm_pipeline, tmp_path):
    linear = load_prior(ddpm_pipeline()[0])
    assert linear.schedule == VPSchedule(), "its default is DDPM's"
    scaled = load_prior(ddpm_pipeline("other", beta_schedule="scaled_linear")[0])
    betas = np.linspace(math.sqrt(1e-4), math.sqrt(2e-2), 1000) ** 2
    np.testing.assert_allclose(scaled.schedule.abar, np.cumprod(1 - betas), rtol=1e-5)
    assert linear.name == "diffusers:pipe" and len(linear.weights_sha256) == 64
    assert linear.weights_sha256 == scaled.weights_sha256 and linear.config_sha256 != scaled.config_sha256
    (tmp_path / "moved").mkdir()
    (tmp_path / "pipe").rename(tmp_path / "moved" / "pipe")
    again = load_prior(f"diffusers:{tmp_path}/moved/pipe")
    assert (again.name, again.config_sha256) == (linear.name, linear.config_sha256)


def test_diffusers_classes(ddpm_pipeline):
    prior = load_prior(ddpm_pipeline(classes=4)[0])
    t = prior.schedule.level(500)
    both = prior.condition([0, 3]).denoise(X, t)
    torch.testing.assert_close(both[1:], prior.condition([3]).denoise(X[1:], t))
    assert not torch.allclose(both, prior.condition([0, 0]).denoise(X, t))


def test_diffusers_weights_in_every_format(ddpm_pipeline, tmp_path):
    """Whatever diffusers saves, the same tensors; a pickle is read as weights only."""
    name, unet = ddpm_pipeline()
    wanted, folder = load_prior(name), tmp_path / "pipe" / "unet"
    for options in (
        {"safe_serialization": False},
        {"variant": "fp16"},
        {"variant": "ema", "safe_serialization": False},
    ):
        for file in folder.glob("diffusion_pytorch_model*"):
            file.unlink()
        unet.save_pretrained(folder, **options)
        found = load_prior(name)
        assert found.weights_sha256 == wanted.weights_sha256, options
        assert not list(folder.glob("*.safetensors")) or "variant" in options
    [file] = folder.glob("*.bin")

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({**unet.state_dict(), "extra": Trap()}, file)
    with pytest.raises(PriorError, match=r"ema\.bin: not a checkpoint .* objects of Python code"):
        load_prior(name)
    assert not (tmp_path / "sprung").exists()


def flatten(folder):
    """All files in the root, as the first published pipelines have them."""
    for place in (folder / "unet", folder / "scheduler"):
        for file in place.iterdir():
            file.rename(folder / file.name)
        place.rmdir()
    return folder


def test_diffusers_folders_with_all_files_in_the_root(ddpm_pipeline, tmp_path):
    """With the old names of attention, too, which published weights have."""
    name, _ = ddpm_pipeline()
    wanted = load_prior(name)
    folder = flatten(tmp_path / "pipe")
    found = load_prior(name)
    assert (found.weights_sha256, found.config_sha256) == (wanted.weights_sha256, wanted.config_sha256)
    old = {}
    for key, value in load_file(folder / WEIGHTS).items():
        for new, then in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
            key = key.replace(new, then)
        old[key] = value
    assert any("query" in key for key in old)
    save_file(old, folder / WEIGHTS)
    assert load_prior(name).weights_sha256 == wanted.weights_sha256


def test_diffusers_weights_load_as_a_whole_or_not_at_all(ddpm_pipeline, tmp_path):
    name, unet = ddpm_pipeline()
    file, state = tmp_path / "pipe" / "unet" / WEIGHTS, unet.state_dict()
    wrong = {
        "'conv_in.bias' is missing .*; 'module.conv_in.bias' is unknown .* with 'module.' in front": {
            f"module.{key}": value for key, value in state.items()
        },
        r"'conv_out.bias' is missing \(and 1 more\)$": {
            key: value for key, value in state.items() if "conv_out" not in key
        },
        "'class_embedding.weight' is unknown; num_class_embeds in config.json": state
        | {"class_embedding.weight": torch.zeros(4, 128)},
        "cannot be loaded: .*size mismatch for conv_in.weight": state | {"conv_in.weight": torch.zeros(3)},
    }
    for said, changed in wrong.items():
        save_file(changed, file)
        with pytest.raises(PriorError, match=said):
            load_prior(name)
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    with pytest.raises(PriorError, match="Git LFS"):
        load_prior(name)
    file.unlink()
    other = file.with_suffix(".bin")
    save_file(state, other)
    with pytest.raises(
        PriorError, match=r"it holds safetensors; call it diffusion_pytorch_model\.safetensors"
    ):
        load_prior(name)
    torch.save({"state_dict": state}, other)
    with pytest.raises(PriorError, match=r"holds 'state_dict' .* save that part alone"):
        load_prior(name)


SCHEDULER = "scheduler/scheduler_config.json"
REFUSED = [
    (SCHEDULER, '"linear"', '"curved"', "DDPMScheduler cannot be made: curved is not impl"),
    (SCHEDULER, '"DDPMScheduler"', '"MyScheduler"', "has no scheduler 'MyScheduler'"),
    (SCHEDULER, '"DDPMScheduler"', '"UNet2DModel"', "has no scheduler 'UNet2DModel'"),
    (SCHEDULER, '"epsilon"', '"flow_prediction"', "'flow_prediction' is not noise, v or x0"),
    ("unet/config.json", '"_class_name": "UNet2DModel"', '"_class_name": "DiT"', "only UNet2DModel"),
    ("model_index.json", '"unet"', '"vqvae": [], "unet"', "latents of its 'vqvae'"),
    ("unet/config.json", '"sample_size": 16', '"sample_size": null', "set sample_size in the config.json"),
    ("unet/config.json", '"norm_num_groups": 8', '"norm_num_groups": 5', "unet: cannot be loaded: "),
    ("unet/config.json", '"in_channels": 1', '"in_channels": 2', "unet: cannot be loaded: .*conv_in"),
]


def test_diffusers_folders_that_are_refused(ddpm_pipeline, tmp_path):
    name, _ = ddpm_pipeline()
    folder = tmp_path / "pipe"
    with pytest.raises(PriorError, match=r"No such file.*takes the folder of a saved pipeline"):
        load_prior(f"diffusers:{tmp_path}")
    for path, old, new, message in REFUSED:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))
        with pytest.raises(PriorError, match=message):
            load_prior(name)
        (folder / path).write_text(text)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(PriorError, match=r"unet: no diffusion_pytorch_model\.safetensors or \.bin"):
        load_prior(name)


@pytest.mark.parametrize("path", ["model_index.json", "unet/config.json", SCHEDULER])
def test_diffusers_files_that_are_no_settings(ddpm_pipeline, tmp_path, path):
    name, _ = ddpm_pipeline()
    for other in ("[1, 2]", "[]", '[["_class_name", "UNet2DModel"]]', "3"):
        (tmp_path / "pipe" / path).write_text(other)
        with pytest.raises(PriorError, match=f"{path}: JSON, but not settings by name"):
            load_prior(name)


def test_without_diffusers(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(PriorError, match=r"pip install 'diffusion-inverse-bench\[diffusers\]'"):
        load_prior(f"diffusers:{tmp_path}")
