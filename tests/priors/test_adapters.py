"""Networks of other libraries are loaded by name, and laid out in memory as ours are."""

import re
import sys

import pytest
import torch

from bench.priors import PriorError, load_prior
from bench.priors.adapters import ADAPTERS
from bench.records.journal import read_records
from bench.schedule import VPSchedule
from bench.suites.suite import load_suite
from tests import ROOT
from tests.commands import bench
from tests.tiny import build


def test_networks_of_other_libraries_have_the_memory_format_of_ours(ddpm_pipeline, azula):
    """Kernels of convolutions alone, with the values that they had."""
    name, unet = ddpm_pipeline()
    for prior in (load_prior(name), load_prior(f"{azula}:ablated"), load_prior("fashion32")):
        kernels = [p for p in prior.network.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
        assert kernels and all(p.is_contiguous() for p in kernels)
    loaded = load_prior(name).network.parameters()
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded, unet.parameters(), strict=True))


def test_a_name_goes_to_the_adapter_of_its_library(monkeypatch):
    monkeypatch.setitem(ADAPTERS, "azula", lambda *given: given)
    assert load_prior("azula:adm/NAME", torch.float64, "cpu", torch.float16) == (
        "adm/NAME",
        torch.float64,
        "cpu",
        torch.float16,
    )
    with pytest.raises(PriorError, match="unknown prior 'other:NAME'"):
        load_prior("other:NAME")


OWN = '''
from pathlib import Path

import torch

from bench.prior import Prior
from bench.schedule import VPSchedule
from helper_of_my_prior import STD


class Mine(Prior):
    def __init__(self, dtype, device):
        self.shape, self.schedule, self.dtype, self.device = (1, 16, 16), VPSchedule(), dtype, device
        self.mean = torch.load(Path(__file__).with_name("mean.pt"), weights_only=True).to(dtype)

    def moments(self, x, t):
        return t.alpha * STD**2 / (t.alpha**2 * STD**2 + t.sigma**2) * x + 0 * self.mean, None

    def moments_vjp(self, x, t):
        return *self.moments(x, t), lambda u: t.alpha * STD**2 / (t.alpha**2 * STD**2 + t.sigma**2) * u


def make(dtype, device):
    """A note."""
    return Mine(dtype, device)


def fixed():
    return Mine(torch.float64, torch.device("cpu"))


def half(dtype, device, autocast):
    return Mine(dtype, device)


def bare(dtype, device):
    prior = Mine(dtype, device)
    del prior.schedule
    return prior


def nothing():
    return 3


def plain():
    return lambda x, t: x


def network():
    from bench.priors.network import NetworkPrior

    return NetworkPrior(lambda x, t: x, (1, 16, 16))


def more(dtype, size):
    return Mine(dtype, torch.device("cpu"))


def optional(dtype, device, size=3, *rest, **others):
    assert not others
    return Mine(dtype, device)


def fails():
    raise KeyError("x")
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "helper_of_my_prior", raising=False)
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "helper_of_my_prior.py").write_text("STD = 0.5\n")
    torch.save(torch.zeros(1, 16, 16), tmp_path / "mean.pt")
    return f"{tmp_path}/mine.py"


def test_a_users_function_makes_a_prior_that_is_hashed_as_operators_are(own, tmp_path):
    def identity():
        sys.modules.pop("helper_of_my_prior", None)
        prior = load_prior(f"{own}:make", torch.float64)
        return prior.name, prior.weights_sha256, prior.config_sha256

    name, weights, config = identity()
    assert name == "mine.py:make" and identity() == (name, weights, config)
    (tmp_path / "mine.py").write_text(OWN.replace("A note.", "Another.") + "\n# a comment\n")
    assert identity() == (name, weights, config)
    torch.save(torch.ones(1, 16, 16), tmp_path / "mean.pt")
    assert identity()[1] != weights and identity()[2] == config
    (tmp_path / "helper_of_my_prior.py").write_text("STD = 0.25\n")
    assert identity()[2] != config, "what it imports from beside it counts"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (":fixed", "its dtype is torch.float64, asked for was torch.float32; take `dtype` as a parameter"),
        (":bare", "its prior has no 'schedule'"),
        (":nothing", "returned int, not a bench.prior.Prior"),
        (
            ":plain",
            r"plain returned function, not a bench.prior.Prior; return bench.priors.network.NetworkPrior\("
            r"network, shape\) of a torch.nn.Module, or an object of a class derived from bench.prior.Prior$",
        ),
        (
            ":network",
            r"TypeError: network must be a torch.nn.Module, called as network\(x, index\), not a fun",
        ),
        (
            ":more",
            "more: TypeError: parameter 'size' is unknown; a function may ask for dtype, device, autocast$",
        ),
        (":fails", "KeyError: 'x'"),
        (":mak", r"has no function 'mak' \(did you mean 'make'\?\)"),
        ("", "which function of it. give .*mine.py:function"),
    ],
)
def test_users_functions_that_give_no_prior(own, function, said):
    with pytest.raises(PriorError, match=said):
        load_prior(own + function)


def test_a_users_function_may_have_parameters_that_nobody_needs_to_give(own):
    assert load_prior(f"{own}:optional").shape == (1, 16, 16)


def test_a_low_precision_is_told_or_refused(own):
    assert load_prior(f"{own}:half", autocast=torch.float16).dtype == torch.float32
    with pytest.raises(PriorError, match="needs a function that takes `autocast`"):
        load_prior(f"{own}:make", autocast=torch.float16)


NETWORK = """
from torch import nn


class Net(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 3, 1)

    def forward(self, x, index):
        return super().forward(x)
"""


def test_the_prior_and_the_suite_of_the_documentation(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "extend.md").read_text()
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "def make" in block)
    (suite,) = (block for block in re.findall(r"```yaml\n(.*?)```", page, re.S) if "prior:" in block)
    for name, text in (("my_prior.py", code), ("my_network.py", NETWORK), ("my_suite.yaml", suite)):
        (tmp_path / name).write_text(text)
    weights = {"weight": torch.zeros(3, 3, 1, 1), "bias": torch.zeros(3)}
    torch.save(weights, tmp_path / "weights.pt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_network", raising=False)
    prior, t = load_prior(load_suite("my_suite.yaml").prior), VPSchedule().level(500)
    x = torch.ones(1, *prior.shape)
    assert torch.allclose(prior.denoise(x, t), x / t.alpha), "without noise x is alpha x0"


def test_a_users_prior_runs_and_is_verified_where_it_has_moved(own, tmp_path):
    suite = build(tmp_path / "tiny")
    out = tmp_path / "out"
    args = [
        "run",
        "--suite",
        suite,
        "--prior",
        f"{own}:make",
        "--task",
        "box",
        "--solver",
        "red_diff",
        "--out",
        out,
    ]
    done = bench(*args, "--images", 1, "--progress", "none", "--no-report")
    assert done.exit_code == 0, done.output
    (record,) = read_records(out)[0]
    assert record.prior == "mine.py:make" and len(record.weights_sha256) == 64
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("mine.py", "helper_of_my_prior.py", "mean.pt"):
        (tmp_path / name).rename(moved / name)
    sys.modules.pop("helper_of_my_prior")
    assert "--code DIR" in bench("verify", out).stdout
    assert "all reproduced" in bench("verify", out, "--code", moved).stdout
