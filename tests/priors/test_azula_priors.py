"""Denoisers of azula as priors: tiny ones with random weights, or in closed form."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.priors import PriorError, load_prior
from bench.schedule import VPSchedule

X = torch.linspace(-1, 1, 512).view(2, 1, 16, 16)


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
    """Its module is known while it is made, as dataclasses need, and a missing file is named."""
    imports = "from __future__ import annotations\nimport dataclasses\n\n"
    held = "@dataclasses.dataclass\nclass Held:\n    side: int = 16\n\n"
    own = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(imports + held + own.replace("(1, 16, 16)", "(1, Held().side, 16)"))
    assert load_prior(f"{azula}:gaussian").shape == (1, 16, 16)
    with pytest.raises(PriorError, match=r"azula:.*other\.py:f: .*other\.py: no such file"):
        load_prior(f"azula:{tmp_path}/other.py:f")
