"""Class-conditional priors, classifier guidance, other predictions, lower precision, and what a run records
of them."""

import hashlib
import re

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from bench.cli import cli
from bench.data import load_dataset
from bench.priors import PriorError, load_prior
from bench.priors.network import Guide, NetworkPrior
from bench.priors.unet import build_classifier, build_unet
from bench.records.journal import read_records
from bench.schedule import VPSchedule
from tests.tiny import ARCHITECTURE, PRIOR, build

CLASSES = 3
CLASSIFIER = {key: value for key, value in ARCHITECTURE.items() if key != "learn_sigma"} | {
    "num_classes": CLASSES
}
SHAPE = (1, 16, 16)
T = VPSchedule().level(300)


def randomised(network, seed=0, std=0.05):
    torch.manual_seed(seed)
    for p in network.parameters():
        torch.nn.init.normal_(p, std=std)
    return network


def conditional(scale=None, dtype=torch.float32, **options):
    unet = randomised(build_unet(**ARCHITECTURE, num_classes=CLASSES)).to(dtype)
    guide = (
        None if scale is None else Guide(randomised(build_classifier(**CLASSIFIER), 1, 0.3).to(dtype), scale)
    )
    return NetworkPrior(unet, SHAPE, dtype=dtype, classes=CLASSES, guide=guide, **options)


def test_each_image_gets_its_own_label():
    prior, x = conditional(), torch.randn(2, *SHAPE)
    both = prior.condition([0, 2])
    for k, label in enumerate([0, 2]):
        torch.testing.assert_close(
            both.denoise(x, T)[k], prior.condition([label]).denoise(x[k : k + 1], T)[0]
        )
    assert not torch.allclose(both.denoise(x, T), prior.condition([0, 0]).denoise(x, T))
    particles = prior.condition([0, 2]).denoise(x.repeat_interleave(3, 0), T)
    torch.testing.assert_close(particles[::3], both.denoise(x, T))
    assert both.privileged and not prior.privileged and prior.labels is None


def test_labels_are_asked_for_and_checked():
    prior, x = conditional(), torch.zeros(3, *SHAPE)
    with pytest.raises(ValueError, match=r"needs the class of every image: prior.condition\(labels\)"):
        prior.denoise(x, T)
    with pytest.raises(ValueError, match=r"knows no class 3: its classes are 0 \.\. 2"):
        prior.condition([0, 3])
    with pytest.raises(ValueError, match="was told 2 labels and given 3 images"):
        prior.condition([0, 1]).denoise(x, T)
    with pytest.raises(ValueError, match="unconditional"):
        NetworkPrior(build_unet(**ARCHITECTURE), SHAPE).condition([0])


def test_guidance_shifts_the_noise_by_the_classifiers_gradient():
    """eps' = eps - scale sigma grad log p, with the gradient by finite differences along random
    directions."""
    plain, guided = (conditional(scale, torch.float64).condition([1, 2]) for scale in (None, 2.5))
    x, u = torch.randn(2, 2, *SHAPE, dtype=torch.float64)

    def log_p(x):
        logits = guided.guide.network(x, torch.tensor([float(T.index)]))
        return torch.stack([logits[k] - logits[k].logsumexp(0) for k in range(2)])[[0, 1], [1, 2]]

    eps, shifted = ((x - T.alpha * prior.denoise(x, T)) / T.sigma for prior in (plain, guided))
    h = 1e-2
    slope = (log_p(x + h * u) - log_p(x - h * u)) / (2 * h)
    found = ((eps - shifted) * u).flatten(1).sum(1) / (2.5 * T.sigma)
    torch.testing.assert_close(found, slope, rtol=1e-3, atol=1e-6)
    assert found.abs().min() > 1e-4


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("case", ["plain", "guided", "v", "x0"])
def test_pullbacks_differentiate_what_is_denoised(case, recompute):
    options = {"predicts": case} if case in {"v", "x0"} else {}
    prior = conditional(20.0 if case == "guided" else None, torch.float64, **options).condition([1, 2])
    assert prior.recompute(recompute) == recompute and ("recomputed" in prior.switches) == recompute
    x, u, w = torch.randn(3, 2, *SHAPE, dtype=torch.float64)
    x0, pull = prior.vjp(x, T)
    torch.testing.assert_close(x0, prior.denoise(x, T))
    h = 1e-3
    slope = (prior.denoise(x + h * u, T) - prior.denoise(x - h * u, T)) / (2 * h)
    torch.testing.assert_close((pull(w) * u).sum(), (slope * w).sum(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pull(w), pull(w))


def test_predictions_are_the_same_statement():
    """A network that knows x0 and eps says it as noise, as v or as x0."""
    x0, eps = torch.randn(2, 2, *SHAPE)
    x = T.alpha * x0 + T.sigma * eps
    said = {"eps": eps, "v": T.alpha * eps - T.sigma * x0, "x0": x0}

    class Says(torch.nn.Module):
        def __init__(self, what):
            super().__init__()
            self.what = torch.nn.Parameter(what)

        def forward(self, x, index):
            return self.what

    for predicts, what in said.items():
        prior = NetworkPrior(Says(what), SHAPE, predicts=predicts)
        torch.testing.assert_close(prior.denoise(x, T), x0, rtol=1e-4, atol=1e-5)


def test_a_prediction_that_nobody_knows_is_refused_when_the_prior_is_made():
    for word in ("epsilon", "sample", None):
        with pytest.raises(
            ValueError, match=f"^predicts='{word}' is unknown; a network predicts eps, v, x0$"
        ):
            NetworkPrior(build_unet(**ARCHITECTURE), SHAPE, predicts=word)


def test_a_network_that_is_no_module_or_has_no_tensors_is_refused():
    unet = build_unet(**ARCHITECTURE)
    for network, what in ((lambda x, index: x, "a function"), (torch.nn.Identity, "Identity")):
        with pytest.raises(TypeError, match=f"^network must be a torch.nn.Module, .*, not {what}$"):
            NetworkPrior(network, SHAPE)
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module"):
        NetworkPrior(unet, SHAPE, classes=2, guide=Guide(lambda x, index: x, 1.0))
    with pytest.raises(ValueError, match=r"^network Identity has no parameter and no buffer"):
        NetworkPrior(torch.nn.Identity(), SHAPE)


class Repeats(torch.nn.Module):
    """Returns the state so many times, one behind the other, or what `wrap` makes of it."""

    def __init__(self, times, wrap=lambda x: x):
        super().__init__()
        self.register_buffer("times", torch.tensor(times))
        self.wrap = wrap

    def forward(self, x, index):
        return self.wrap(x.repeat(1, int(self.times), 1, 1))


def test_an_output_of_another_shape_is_named_with_that_of_the_input():
    x = torch.randn(2, 3, 8, 8)
    shapes = (
        r"for an input of \(2, 3, 8, 8\); it must return \(2, 3, 8, 8\), or \(2, 6, 8, 8\) with a learned"
    )
    outputs = {
        r"\(2, 9, 8, 8\)": Repeats(3),
        r"\(2, 1, 8, 8\)": Repeats(1, lambda x: x[:, :1]),
        r"\(2, 3, 8\)": Repeats(1, lambda x: x[..., 0]),
        "a tuple": Repeats(1, lambda x: (x,)),
    }
    for found, network in outputs.items():
        with pytest.raises(ValueError, match=f"^prior 'unnamed': its network returned {found} {shapes}"):
            NetworkPrior(network, (3, 8, 8)).vjp(x, T)
    assert NetworkPrior(Repeats(2), (3, 8, 8)).moments(x, T)[1].shape == x.shape


@pytest.mark.parametrize("autocast", [torch.bfloat16, torch.float16])
def test_low_precision_is_close_and_the_state_stays_float32(autocast, device):
    network = randomised(build_unet(**ARCHITECTURE)).to(device)
    exact, low = NetworkPrior(network, SHAPE), NetworkPrior(network, SHAPE, autocast=autocast)
    x = torch.randn(2, *SHAPE, device=device)
    for size in (1.0, 1e-6):  # float16 alone loses gradients below 6e-8
        u = size * torch.randn(2, *SHAPE, device=device)
        (x0, pull), (x0_low, pull_low) = exact.vjp(x, T), low.vjp(x, T)
        assert x0_low.dtype == pull_low(u).dtype == torch.float32
        torch.testing.assert_close(x0_low, x0, rtol=0, atol=0.02 * x0.abs().max().item())
        # Of the network alone: what comes straight from x is exact in any precision.
        ours, theirs = (g - u / T.alpha for g in (pull(u), pull_low(u)))
        assert (ours - theirs).norm() < 0.05 * ours.norm()


@pytest.mark.long
def test_float16_is_much_nearer_than_bfloat16_where_the_noise_is_high(device):
    """Why the plans of `report --paper` ask for it: x0 takes up sigma / alpha of the rounding."""
    prior = load_prior("fashion32", device=device)
    low = {
        dtype: load_prior("fashion32", device=device, autocast=dtype)
        for dtype in (torch.float16, torch.bfloat16)
    }
    t = prior.schedule.level(990)
    x = torch.randn(4, *prior.shape, generator=torch.Generator().manual_seed(0)).to(device)
    off = {
        dtype: (other.denoise(x, t) - prior.denoise(x, t)).square().mean().sqrt().item()
        for dtype, other in low.items()
    }
    assert off[torch.float16] < 0.1 < 0.2 < off[torch.bfloat16]


@pytest.mark.long
def test_compiled_networks_give_the_same_and_say_so(device):
    network = randomised(build_unet(**ARCHITECTURE)).to(device)
    prior, x = NetworkPrior(network, SHAPE), torch.randn(2, *SHAPE, device=device)
    x0, pull = prior.vjp(x, T)
    prior.compile("aot_eager")
    again, pull_again = prior.vjp(x, T)
    torch.testing.assert_close(again, x0)
    torch.testing.assert_close(pull_again(x), pull(x))
    torch.testing.assert_close(pull_again(2 * x), 2 * pull(x))
    assert prior.switches == ("compiled",)


@pytest.fixture
def guided_suite(tmp_path):
    """The tiny suite, with a guided prior of three classes and labels beside it."""
    suite = build(tmp_path)
    states = {
        "unet": randomised(build_unet(**ARCHITECTURE, num_classes=CLASSES)).state_dict(),
        "classifier": randomised(build_classifier(**CLASSIFIER), 1).state_dict(),
    }
    for name, state in states.items():
        save_file(state, tmp_path / f"{name}.safetensors")
    sha256 = hashlib.sha256((tmp_path / "unet.safetensors").read_bytes()).hexdigest()
    text = PRIOR.format(sha256=sha256, channels=1).replace("tiny.safetensors", "unet.safetensors")
    text = text.replace("[schedule]", "num_classes = 3\n[schedule]")
    _, _, rest = text.partition("[architecture]")
    body = "".join(
        line + "\n"
        for line in rest.partition("[schedule]")[0].splitlines()
        if not line.startswith("learn_sigma")
    )
    table = f'[classifier]\nfile = "classifier.safetensors"\nscale = 2.0\n[classifier.architecture]{body}'
    (tmp_path / "guided.toml").write_text(text + table)
    labels = "".join(f"im{k} = {k % CLASSES}\n" for k in range(8))
    (tmp_path / "labelled.toml").write_text((tmp_path / "images.toml").read_text() + f"[labels]\n{labels}")
    return suite


def test_the_classifier_is_part_of_the_identity(guided_suite):
    folder = guided_suite.parent
    first = load_prior(str(folder / "guided.toml"))
    assert first.classes == CLASSES and first.guide.scale == 2.0
    (folder / "stronger.toml").write_text(
        (folder / "guided.toml").read_text().replace("scale = 2.0", "scale = 3.0")
    )
    second = load_prior(str(folder / "stronger.toml"))
    assert first.weights_sha256 == second.weights_sha256 and first.config_sha256 != second.config_sha256
    (folder / "classifier.safetensors").rename(folder / "elsewhere")
    with pytest.raises(
        PriorError, match=r"classifier\.safetensors: the weights of prior 'guided' are missing"
    ):
        load_prior(str(folder / "guided.toml"))


@pytest.mark.long
def test_a_run_tells_the_labels_and_the_report_says_so(guided_suite, tmp_path):
    folder = guided_suite.parent

    def run(dataset, *options):
        arguments = [
            "run",
            "--suite",
            str(guided_suite),
            "--prior",
            str(folder / "guided.toml"),
            "--progress",
            "none",
        ]
        arguments += ["--dataset", str(folder / dataset), "--out", str(tmp_path / "out"), "--task", "box"]
        return CliRunner().invoke(cli, [*arguments, "--solver", "ddrm.steps=3", "--solver", "pinv", *options])

    forecast = run("labelled.toml", "--dry-run")
    assert "8 reconstructions missing, 0 done" in forecast.output and "?" not in forecast.output
    done = run("labelled.toml", "--batch", "2", "--recompute")
    assert done.exit_code == 0, done.output
    records = [r for r in read_records(tmp_path / "out")[0] if r.status == "ok"]
    assert {r.solver: r.privileged for r in records} == {"ddrm": True, "pinv": False}
    assert all(r.switches == ["recomputed"] for r in records)
    sha256 = hashlib.sha256((folder / "classifier.safetensors").read_bytes()).hexdigest()
    guidance = {r.solver: r.guidance for r in records}
    assert guidance == {"ddrm": {"classifier": sha256, "scale": 2.0}, "pinv": None}
    page = (tmp_path / "out" / "report" / "report.md").read_text()
    told = "the prior was told the class of each true image, and guided by classifier"
    assert re.search(
        rf"Privileged: `[^`]*ddrm[^`]*`: {told} {sha256[:12]} with scale 2\.", page, re.IGNORECASE
    )

    refused = run("images.toml")
    assert refused.exit_code == 2 and "dataset 'images' has no labels" in refused.output


def test_a_class_belongs_to_the_key(guided_suite):
    """The same pixels under another label are another reconstruction."""
    from bench.plan.build import make_cells
    from bench.plan.loading import DataAndPrior
    from bench.suites.suite import load_suite

    folder, keys = guided_suite.parent, []
    prior, suite = load_prior(str(folder / "guided.toml")), load_suite(str(guided_suite))
    for _ in range(2):
        data = load_dataset(folder / "labelled.toml")
        cells = make_cells(suite, lambda row, data=data: DataAndPrior(data, prior), {})
        keys.append(
            {cell.label: [job.key for job in cell.jobs(lambda d, i: d.image_sha256(i))] for cell in cells}
        )
        text = (folder / "labelled.toml").read_text()
        (folder / "labelled.toml").write_text(text.replace("im1 = 1", "im1 = 2"))
    for label, first in keys[0].items():
        changed = [a != b for a, b in zip(first, keys[1][label], strict=True)]
        assert changed == [False, "pinv" not in label.lower() and "A⁺" not in label, False, False], label


def test_a_lone_image_that_runs_out_of_memory_is_tried_again_with_less(tmp_path):
    """An out-of-memory error that only recomputing its activations avoids."""
    suite = build(tmp_path)
    source = (tmp_path / "mine.py").read_text()
    old = 'if self.mode == "oom" and len(y) > 1:'
    assert old in source
    (tmp_path / "mine.py").write_text(
        source.replace(old, 'if self.mode == "oom" and not prior.prior.switches:')
    )
    arguments = [
        "run",
        "--suite",
        str(suite),
        "--task",
        "box",
        "--solver",
        f"{tmp_path}/mine.py:Mine.mode=oom",
        "--no-report",
    ]
    done = CliRunner().invoke(cli, [*arguments, "--progress", "none", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    records = read_records(tmp_path / "out")[0]
    assert {(r.status, r.batch, tuple(r.switches)) for r in records} == {("ok", 1, ("recomputed",))}
