"""Networks of diffusers and azula as priors: tiny, with random weights."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.priors import PriorError, load_prior
from bench.priors.unet import channels_last
from bench.schedule import TableSchedule, VPSchedule
from bench.system.versions import versions

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
    np.testing.assert_allclose(np.sqrt(1 / prior.schedule.abar - 1), 2 * theirs, rtol=1e-5)
    for t in (prior.schedule.level(30), prior.schedule.at(2.5)):
        sigma, x01 = t.ratio / 2, (X / t.alpha + 1) / 2
        with torch.no_grad():
            score = unet(x01, torch.full((2,), sigma)).sample
        expected = 2 * (x01 + sigma**2 * score) - 1
        torch.testing.assert_close(prior.denoise(X.to(device), t).cpu(), expected, rtol=1e-4, atol=1e-4)


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


def test_networks_of_other_libraries_have_the_memory_format_of_ours(pipeline, azula):
    """Kernels of convolutions alone, with the values that they had."""
    name, unet = pipeline()
    for prior in (load_prior(name), load_prior(f"{azula}:ablated"), load_prior("fashion32")):
        kernels = [p for p in prior.network.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
        assert kernels and all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
    loaded = load_prior(name).network.parameters()
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded, unet.parameters(), strict=True))


def test_a_memory_format_is_for_images_only():
    """A network with kernels of volumes, which have no such order, is left as it is."""
    network = torch.nn.Sequential(torch.nn.Conv3d(2, 3, 2), torch.nn.Conv2d(2, 3, 2))
    before = [p.clone() for p in network.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, channels_last(network).parameters(), strict=True))
    assert (
        network[1].weight.is_contiguous(memory_format=torch.channels_last)
        and network[0].weight.is_contiguous()
    )


def test_diffusers_classes(pipeline):
    prior = load_prior(pipeline(classes=4)[0])
    t = prior.schedule.level(500)
    both = prior.condition([0, 3]).denoise(X, t)
    torch.testing.assert_close(both[1:], prior.condition([3]).denoise(X[1:], t))
    assert not torch.allclose(both, prior.condition([0, 0]).denoise(X, t))


def test_diffusers_weights_in_every_format(pipeline, tmp_path):
    """Whatever diffusers saves, the same tensors; a pickle is read as weights only."""
    name, unet = pipeline()
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
    with pytest.raises(PriorError, match="cannot be loaded"):
        load_prior(name)
    assert not (tmp_path / "sprung").exists()


def test_diffusers_folders_that_are_refused(pipeline, tmp_path, monkeypatch):
    name, _ = pipeline()
    folder = tmp_path / "pipe"
    with pytest.raises(PriorError, match=r"No such file.*takes the folder of a saved pipeline"):
        load_prior(f"diffusers:{tmp_path}")
    for path, old, new, message in [
        (
            "scheduler/scheduler_config.json",
            '"linear"',
            '"curved"',
            "DDPMScheduler cannot be made: curved is not impl",
        ),
        (
            "scheduler/scheduler_config.json",
            '"DDPMScheduler"',
            '"MyScheduler"',
            "has no scheduler 'MyScheduler'",
        ),
        (
            "scheduler/scheduler_config.json",
            '"DDPMScheduler"',
            '"UNet2DModel"',
            "has no scheduler 'UNet2DModel'",
        ),
        (
            "scheduler/scheduler_config.json",
            '"epsilon"',
            '"flow_prediction"',
            "'flow_prediction' is not noise, v or x0",
        ),
        ("unet/config.json", '"_class_name": "UNet2DModel"', '"_class_name": "DiT"', "only UNet2DModel"),
        ("model_index.json", '"unet"', '"vqvae": [], "unet"', "latents of its 'vqvae'"),
        (
            "unet/config.json",
            '"sample_size": 16',
            '"sample_size": null',
            "set sample_size in unet/config.json",
        ),
        ("unet/config.json", '"norm_num_groups": 8', '"norm_num_groups": 5', "unet: cannot be loaded: "),
        ("unet/config.json", '"in_channels": 1', '"in_channels": 2', "unet: cannot be loaded: .*conv_in"),
    ]:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))
        with pytest.raises(PriorError, match=message):
            load_prior(name)
        (folder / path).write_text(text)
    for path in ("model_index.json", "unet/config.json", "scheduler/scheduler_config.json"):
        text = (folder / path).read_text()
        for other in ("[1, 2]", "[]", '[["_class_name", "UNet2DModel"]]', "3"):
            (folder / path).write_text(other)
            with pytest.raises(PriorError, match=f"{path}: JSON, but not settings by name"):
                load_prior(name)
        (folder / path).write_text(text)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(PriorError, match=r"unet: no diffusion_pytorch_model\.safetensors or \.bin"):
        load_prior(name)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(PriorError, match=r"pip install 'diffusion-inverse-bench\[diffusers\]'"):
        load_prior(name)


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
    denoiser = make_model(image_size=16, image_channels=1, num_channels=32, channel_mult=[1, 1], num_res_blocks=1,
                          attention_resolutions=[8], clip_mean=False, learn_var=False, **options)
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


def test_azula_denoisers_in_closed_form(azula, device):
    prior = load_prior(f"{azula}:gaussian", device=device)
    t = prior.schedule.level(400)
    gain = t.alpha * 0.25 / (t.alpha**2 * 0.25 + t.sigma**2)
    x0, pull = prior.vjp(X.to(device), t)
    torch.testing.assert_close(x0.cpu(), 0.3 + gain * (X - t.alpha * 0.3), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pull(X.to(device)).cpu(), gain * X, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["cosine", "short"])
def test_azula_ablated_schedules_are_exact(azula, kind):
    """Single precision, which azula keeps, ends the cosine schedule at abar = 0."""
    schedule = load_prior(f"{azula}:{kind}").schedule
    T = schedule.T
    if kind == "short":
        assert schedule == VPSchedule(250, 4e-4, 8e-2)
    else:
        f = [math.cos((k / T + 0.008) / 1.008 * math.pi / 2) ** 2 for k in range(T + 1)]
        np.testing.assert_allclose(schedule.abar[:-1], [f[k] / f[0] for k in range(1, T)], rtol=1e-9)
        assert schedule.abar[-1] == pytest.approx(schedule.abar[-2] * 1e-3, rel=1e-9)


def test_azula_ablated_denoisers_take_labels_and_recompute_only_when_told(azula):
    prior = load_prior(f"{azula}:conditional")
    assert prior.classes == 4 and prior.switches == ()
    t, labels = prior.schedule.level(300), torch.tensor([3, 1])
    eps = prior.network(X, torch.tensor([300.0]), labels)
    torch.testing.assert_close(prior.condition([3, 1]).denoise(X, t), (X - t.sigma * eps) / t.alpha)
    calls, block = [], prior.network.middle_block[0]
    block.register_forward_hook(lambda *_: calls.append(1))
    block.in_layers[0].register_forward_hook(lambda *_: calls.append(2))
    _, pull = prior.condition([3, 1]).vjp(X, t)
    pull(X)
    assert calls == [2, 1], "a block is computed once"


def test_azula_downloads_into_the_cache(monkeypatch, tmp_path):
    """A card of azula's, with the address of a file here."""
    from azula.plugins import adm

    config = {
        "image_size": 16,
        "image_channels": 1,
        "num_channels": 32,
        "channel_mult": [1, 1],
        "num_res_blocks": 1,
    }
    config |= {"attention_resolutions": [8], "learn_var": False}
    state = adm.make_model(**config).backbone.state_dict()
    torch.save(state, tmp_path / "served.pt")
    card = SimpleNamespace(url=(tmp_path / "served.pt").as_uri(), hash=None, config=config)
    monkeypatch.setattr(adm, "load_cards", lambda _: {"tiny_16x16": card})
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    prior = load_prior("azula:adm/tiny_16x16")
    assert all(torch.equal(value, state[name]) for name, value in prior.network.state_dict().items())
    [file] = (tmp_path / "home" / "azula").iterdir()
    assert file.read_bytes() == (tmp_path / "served.pt").read_bytes()


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


def test_a_users_file_is_imported_as_any_other_of_theirs(azula, tmp_path):
    """By the one importer: its module is known while it is made, as dataclasses need, and a missing file is
    named."""
    lines = "from __future__ import annotations\nimport dataclasses\n\n@dataclasses.dataclass\nclass Held:\n    side: int = 16\n\n"
    (tmp_path / "mine.py").write_text(lines + AZULA.replace("(1, 16, 16)", "(1, Held().side, 16)"))
    assert load_prior(f"{azula}:gaussian").shape == (1, 16, 16)
    with pytest.raises(PriorError, match=r"azula:.*other\.py:f: .*other\.py: no such file"):
        load_prior(f"azula:{tmp_path}/other.py:f")
