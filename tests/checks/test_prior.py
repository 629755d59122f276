"""The contract of priors: ours keep it, and one that breaks a promise is told which."""

import pytest
import torch
from click.testing import CliRunner

from bench.checks.prior import check_prior
from bench.checks.solver_trial import ImperfectPrior, make_trial
from bench.cli import cli


def exact():
    return make_trial().prior


@pytest.mark.long
def test_the_embedded_network_keeps_the_contract():
    done = CliRunner().invoke(cli, ["check", "fashion32"])
    assert done.exit_code == 0 and "9 of 9 checks passed" in done.output


@pytest.mark.parametrize("make", [exact, lambda: ImperfectPrior(exact())])
def test_closed_forms_keep_the_contract(make):
    assert [promise for promise in check_prior(make()) if promise.broken] == []


class Changed(ImperfectPrior):
    """An exact prior through which one thing goes wrong."""

    def moments(self, x, t):
        return self.prior.moments(x, t)

    def moments_vjp(self, x, t):
        return self.prior.moments_vjp(x, t)


class Double(Changed):
    def moments(self, x, t):
        return self.prior.denoise(x, t).double(), None


class Untransposed(Changed):
    """The derivative of something else."""

    def moments_vjp(self, x, t):
        x0, v, pull = self.prior.moments_vjp(x, t)
        return x0, v, lambda u: 1.2 * pull(u)


class Random(Changed):
    def moments(self, x, t):
        return self.prior.denoise(x, t) + 1e-3 * torch.randn_like(x), None


class BatchNorm(Changed):
    def moments(self, x, t):
        return self.prior.denoise(x, t) - 0.1 * x.mean(), None

    def moments_vjp(self, x, t):
        return self.moments(x, t)[0], None, self.prior.vjp(x, t)[1]


class OncePull(Changed):
    def moments_vjp(self, x, t):
        x0, v, pull = self.prior.moments_vjp(x, t)
        graph = [pull]
        return x0, v, lambda u: graph.pop()(u)


class Eps(Changed):
    """Gives the noise where the estimate is asked for."""

    def moments(self, x, t):
        return (x - t.alpha * self.prior.denoise(x, t)) / t.sigma, None


class Graph(Changed):
    def moments_vjp(self, x, t):
        x = x.detach().requires_grad_()
        x0 = 0.5 * x
        return x0, None, lambda u: 0.5 * u


class UnitRange(Changed):
    """Images in [0, 1]."""

    def moments(self, x, t):
        return (self.prior.denoise(x, t).clamp(-1, 1) + 1) / 2, None


class ScalarLevel(Changed):
    def moments(self, x, t):
        return self.prior.denoise(x, t._replace(alpha=float(t.alpha), sigma=float(t.sigma))), None


BROKEN = {
    Double: "torch.float64",
    Untransposed: "<pull(J z), z>",
    Random: "two calls with the same state differ",
    BatchNorm: "an image alone and in a batch differ",
    OncePull: "raised IndexError",
    Eps: "look at what the network predicts",
    Graph: "carries a graph",
    UnitRange: "as images in [0, 1] do",
    ScalarLevel: "raised",
}


@pytest.mark.parametrize("prior", BROKEN, ids=lambda prior: prior.__name__)
def test_each_broken_promise_is_named(prior):
    broken = [promise.broken for promise in check_prior(prior(exact())) if promise.broken]
    assert any(BROKEN[prior] in reason for reason in broken), broken


def test_a_prior_with_classes_is_told_some():
    class Conditional(Changed):
        classes = 2

        def condition(self, labels):
            assert labels == [0, 1, 0]
            return exact()

    assert [promise for promise in check_prior(Conditional(exact())) if promise.broken] == []
