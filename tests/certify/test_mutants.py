"""Deliberately wrong solvers: each differs from ours in one line, and every law that names it must see it."""

import inspect
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench import schedule
from bench.certify.laws import all_laws, run_laws
from bench.exact.laws.law import LawResult
from solvers import SOLVERS
from solvers.prior import Unconditional

LAST_NOISE = " + (0.01 * noise.like(x) if s.sigma == 0 else 0)"
CLIP = "vjp_once(prior, x, t, self.clip)"
CLIP_OUTSIDE = "(lambda x0, *more: (x0.clamp(-1, 1) if self.clip else x0, *more))(*vjp_once(prior, x, t))"
PROX, CLAMP = (
    "            x0 = x0 + A.pinv(y - A(x0), damping=self.rho(t, sigma))\n",
    "x0 = x0.clamp(-1, 1)\n",
)
CLIP_PROX = (CLAMP + PROX, "pass\n" + PROX + "            x0 = x0.clamp(-1, 1) if self.clip else x0\n")
ONE_NOISE = "[:1].expand_as(x)"
HALF = ("yield Step(x, x0)", "x = x.half().to(x)\n            yield Step(x, x0)")
DAMPING = "sigma**2 / t.variance"

MUTANTS = [
    (
        "ddim",
        "level off by one",
        "prior.denoise(x, t)",
        "prior.denoise(x, prior.schedule.level(max(t.index - 1, 0)))",
    ),
    ("ddim", "noise in the last step", "t, s, self.eta, z)", "t, s, self.eta, z)" + LAST_NOISE),
    ("ddim", "state in half precision", *HALF),
    ("pigdm", "r^2 of the variance-exploding form", DAMPING, "sigma**2 / t.ratio**2"),
    ("pigdm", "r = 1", DAMPING, "sigma**2"),
    ("pigdm", "sigma not squared", DAMPING, "sigma / t.variance"),
    ("pigdm", "sigma halved", DAMPING, "sigma**2 / 4 / t.variance"),
    ("pigdm", "sigma ignored", DAMPING, "0.0"),
    ("pigdm", "no Jacobian", "pull_x0(u)", "u"),
    (
        "pigdm",
        "level off by one",
        "vjp_once(prior, x, t, ",
        "vjp_once(prior, x, prior.schedule.level(max(t.index - 1, 0)), ",
    ),
    ("pigdm", "noise in the last step", "self.k(t, s) * g", "self.k(t, s) * g" + LAST_NOISE),
    ("pigdm", "the paper's coefficient everywhere", "self.k(t, s)", "t.alpha"),
    ("pigdm", "nvlabs without alpha_s", "s.alpha * t.alpha", "t.alpha"),
    ("pigdm", "score without the kept noise", " - ddim_coefficients(t, s, self.eta)[1] / t.sigma", ""),
    ("pigdm", "clip outside the graph", CLIP, CLIP_OUTSIDE),
    ("pigdm", "starts at the measurement, unscaled", "levels[0].alpha * Apinv_y()", "Apinv_y()"),
    (
        "pigdm",
        "residual of the whole batch",
        "y - A(x0), damping",
        "(y - A(x0)).mean(0).expand_as(y), damping",
    ),
    ("pigdm", "state in half precision", *HALF),
    ("ddrm", "threshold at t", "torch.where(loud(rho)", "torch.where(loud(t.ratio)"),
    ("ddrm", "y not divided by s", "A.Ut(y) / S", "A.Ut(y)"),
    ("ddrm", "sigma not divided by s", "sigma * eta_b / S", "sigma * eta_b / S**0"),
    ("ddrm", "noise not reduced", "(rho**2 - (sigma * eta_b / S) ** 2)", "(rho**2 + 0 * S)"),
    (
        "ddrm",
        "below the threshold as if unmeasured",
        "drift = torch.where(known, ",
        "drift = torch.where(known & False, ",
    ),
    ("ddrm", "eta_b of 0.95", "self.eta_b * ybar", "0.95 * self.eta_b * ybar + 0.05 * self.eta_b * xbar"),
    ("ddrm", "eps in the wrong basis", "eps = A.Vt(x - t.alpha * x0)", "eps = (x - t.alpha * x0)"),
    ("ddrm", "abar for alpha", "x = s.alpha * A.V", "x = s.alpha**2 * A.V"),
    ("ddrm", "eta of the variance", "(1 - self.eta**2) ** 0.5", "(1 - self.eta) ** 0.5"),
    ("ddrm", "data consistency in the end", "yield Step(x0, x0)", "yield Step(x0 + A.pinv(y - A(x0)), x0)"),
    ("ddrm", "one noise for the batch", "noise.like(x)", "noise.like(x)" + ONE_NOISE),
    ("ddrm", "state in half precision", *HALF),
    ("dps", "factor 2", "+ self.zeta * descent", "+ 2 * self.zeta * descent"),
    ("dps", "no Jacobian", "pull_x0(", "("),
    ("dps", "one norm over the batch", "norm(r)", "r.norm()"),
    ("dps", "clip outside the graph", CLIP, CLIP_OUTSIDE),
    ("dps", "noise in the last step", "+ self.zeta * descent", "+ self.zeta * descent" + LAST_NOISE),
    ("dps", "learned variance ignored", "v if self.learned_variance else None", "None"),
    ("dps", "state in half precision", *HALF),
    ("mcg", "y noised to t", 'self.noise_level == "s"', "False"),
    ("mcg", "no projection in the end", "x - A.pinv(", "x - (s.sigma > 0) * A.pinv("),
    ("mcg", "projection by the adjoint", "x - A.pinv(", "x - A.adjoint("),
    (
        "mcg",
        "gradient after the projection",
        "A.pinv(A(x) - y_u)",
        "A.pinv(A(x) - y_u) + self.zeta * descent",
    ),
    ("mcg", "factor 2", "+ self.zeta * descent", "+ 2 * self.zeta * descent"),
    ("mcg", "no Jacobian", "pull_x0(", "("),
    ("mcg", "one norm over the batch", "norm(r)", "r.norm()"),
    ("mcg", "state in half precision", *HALF),
    ("red_diff", "weight alpha / sigma", "self.w(t.ratio)", "self.w(1 / t.ratio)"),
    ("red_diff", "sign of the prior", "(eps_hat - eps)", "(eps - eps_hat)"),
    ("red_diff", "sum for mean", "(mu[0].numel(), A.size(y))", "(1, 1)"),
    ("red_diff", "data gradient without 1 / 2", "(Ax0 - y) / m", "2 * (Ax0 - y) / m"),
    (
        "red_diff",
        "backpropagation through the denoiser",
        "(eps_hat - eps)",
        "(eps_hat - eps + (x0 - t.alpha * prior.vjp(x, t)[1](x0)) / t.ratio)",
    ),
    ("red_diff", "state returned by reference", "else mu.clone()", "else mu"),
    ("red_diff", "noisiest level never drawn", "draw_level(levels, ", "draw_level(levels[1:], "),
    ("red_diff", "mean over the batch", "pull_A((Ax0 - y) / m)", "pull_A((Ax0 - y) / m).mean(0)"),
    (
        "red_diff",
        "state in half precision",
        "x0 = mu + self",
        "mu = mu.half().to(mu)\n            x0 = mu + self",
    ),
    ("ddnm", "plus: threshold at t", "hidden = s.sigma > b", "hidden = t.sigma > t.alpha * sigma / S"),
    ("ddnm", "plus: lam at t", "keep * s.sigma / b", "keep * t.sigma / b"),
    ("ddnm", "plus: abar for alpha", "b = s.alpha * sigma", "b = s.alpha**2 * sigma"),
    (
        "ddnm",
        "plus: eps in the wrong basis",
        "A.Vt((x - t.alpha * x0) / t.sigma)",
        "(x - t.alpha * x0) / t.sigma",
    ),
    ("ddnm", "plus: noise not reduced", "s.sigma**2 - b**2", "s.sigma**2 + 0 * b"),
    ("ddnm", "plus: y not divided by s", "A.Ut(y) / S", "A.Ut(y)"),
    ("ddnm", "plus: fully corrected below the threshold", "torch.where(hidden, 1, keep * s.sigma / b)", "1"),
    (
        "ddnm",
        "plus: below the threshold as if unmeasured",
        "torch.where(seen, corrected",
        "torch.where(seen & hidden, corrected",
    ),
    (
        "ddnm",
        "plus: data consistency in the end",
        "yield Step(x, x0)",
        "yield Step(x if s.sigma else x0 - A.pinv(A(x0) - y), x0)",
    ),
    ("ddnm", "eps recomputed", "keep * eps +", "keep * (x - t.alpha * x0) / t.sigma +"),
    ("ddnm", "eta of the variance", "keep = (1 - self.eta**2) ** 0.5\n", "keep = (1 - self.eta) ** 0.5\n"),
    ("ddnm", "correction by the adjoint", "A.pinv(A(x0) - y)", "A.adjoint(A(x0) - y)"),
    ("ddnm", "no correction in the end", "x0 = x0 - A.pinv", "x0 = x0 - (s.sigma > 0) * A.pinv"),
    (
        "ddnm",
        "level off by one",
        "prior.denoise(x, t)",
        "prior.denoise(x, prior.schedule.level(max(t.index - 1, 0)))",
    ),
    ("ddnm", "noise in the last step", "self.eta * z)", "self.eta * z)" + LAST_NOISE),
    ("ddnm", "one noise for the batch", "fresh_noise(noise, x, s)", "fresh_noise(noise, x, s)" + ONE_NOISE),
    ("ddnm", "state in half precision", *HALF),
    (
        "diffpir",
        "rho inverted",
        "return self.lam * (max(sigma, self.sigma_min) / r)",
        "return self.lam * (r / max(sigma, 1e-9))",
    ),
    ("diffpir", "rho doubled", "return self.lam", "return 2 * self.lam"),
    ("diffpir", "rho of images in [0, 1]", "return self.lam", "return self.lam / 4"),
    ("diffpir", "sigma not squared", "/ r) ** 2", "/ r)"),
    (
        "diffpir",
        "eps not recomputed",
        "eps = (x - t.alpha * x0)",
        "eps = (x - t.alpha * prior.denoise(x, t))",
    ),
    ("diffpir", "zeta of the standard deviation", "(1 - self.zeta) ** 0.5", "(1 - self.zeta)"),
    ("diffpir", "floor added to sigma", "max(sigma, self.sigma_min)", "(sigma + self.sigma_min)"),
    ("diffpir", "clip after the proximal step", *CLIP_PROX),
    ("diffpir", "no proximal step in the end", "x0 = x0 + A.pinv", "x0 = x0 + (s.sigma > 0) * A.pinv"),
    (
        "diffpir",
        "level off by one",
        "prior.denoise(x, t)",
        "prior.denoise(x, prior.schedule.level(max(t.index - 1, 0)))",
    ),
    ("diffpir", "noise in the last step", "x = x0\n", "x = x0" + LAST_NOISE + "\n"),
    (
        "diffpir",
        "published r_t everywhere",
        't.ratio if self.spread == "ratio" else t.variance**0.5',
        "t.ratio",
    ),
    ("diffpir", "one noise for the batch", "noise.like(x)", "noise.like(x)" + ONE_NOISE),
    ("diffpir", "state in half precision", *HALF),
    (
        "daps",
        "r_t = sigma_t / alpha_t everywhere",
        't.ratio if self.spread == "ratio" else t.variance**0.5',
        "t.ratio",
    ),
    ("daps", "gradient without 1 / 2", "pull(y - Au) /", "2 * pull(y - Au) /"),
    ("daps", "tau not squared", "self.tau**2", "self.tau"),
    ("daps", "r not squared", "/ r**2", "/ r"),
    ("daps", "prior term lost", "+ (x0 - u) / r**2", ""),
    ("daps", "noise of sqrt(lr)", "(2 * lr) ** 0.5", "lr**0.5"),
    ("daps", "constant lr", "(1 + k / anneals * (self.lr_min_ratio - 1))", "1"),
    ("daps", "renoised to level t", "s.sigma * noise.like(x0) if", "t.sigma * noise.like(x0) if"),
    ("daps", "noise in the last step", "if s.sigma > 0 else x0", "if s.sigma > 0 else x0" + LAST_NOISE),
    ("daps", "ODE result not divided by alpha", "return x / s.alpha", "return x"),
    ("daps", "ODE ends where it should not", 'self.ode_end == "noisy"', 'self.ode_end != "noisy"'),
    (
        "daps",
        "remainder of the steps dropped",
        "self.flow(x, t, prior, evaluations)",
        "self.flow(x, t, prior, self.ode_steps)",
    ),
    ("daps", "starts at N(0, I)", "levels[0].sigma * noise", "noise"),
    ("daps", "one noise for the batch", "noise.like(u)", "noise.like(u)[:1].expand_as(u)"),
    ("daps", "state in half precision", *HALF),
]

STEPS = [
    ("eta of the variance", "c1 = eta * s.sigma", "c1 = eta**0.5 * s.sigma"),
    ("all noise kept", "(s.sigma**2 - c1**2) ** 0.5", "s.sigma"),
    ("abar for alpha", "s.alpha * x0 + c1", "s.alpha**2 * x0 + c1"),
    ("fresh noise of the wrong level", "t.alpha * s.sigma / (s.alpha * t.sigma)", "s.sigma / t.sigma"),
]


def mutate(module, old, new):
    """The namespace of a module whose source has one line changed."""
    source = Path(inspect.getfile(module)).read_text()
    assert old in source, f"'{old}' is no longer in {module.__name__}: choose this mutant's line again"
    namespace = {"__name__": "mutant", "__file__": "mutant"}
    exec(compile(source.replace(old, new), "mutant", "exec"), namespace)
    return namespace


def variant(name, what):
    """The wrong class."""
    solver = {**SOLVERS, "ddim": Unconditional}[name]
    (change,) = [(old, new) for who, mutant, old, new in MUTANTS if (who, mutant) == (name, what)]
    return mutate(sys.modules[solver.__module__], *change)[solver.__name__]


PAIRS = [(name, law, what) for name, laws in all_laws().items() for law in laws for what in law.catches]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "law", "what"), PAIRS, ids=[f"{name}: {law.name}: {what}" for name, law, what in PAIRS]
)
def test_a_law_sees_the_wrong_variants_that_it_names(name, law, what):
    assert not LawResult(law, law.error(variant(name, what))).passed


def test_every_law_names_a_variant_and_every_variant_is_named():
    """So that no tolerance is one that nothing violates, and no solver comes without mutants."""
    assert [law.name for laws in all_laws().values() for law in laws if not law.catches] == []
    assert {(name, what) for name, _, what in PAIRS} == {(name, what) for name, what, *_ in MUTANTS}
    assert min(Counter(name for name, *_ in MUTANTS)[name] for name in all_laws()) >= 2


@pytest.mark.long
@pytest.mark.parametrize(("what", "old", "new"), STEPS, ids=[m[0] for m in STEPS])
def test_wrong_step_is_seen(what, old, new, monkeypatch):
    monkeypatch.setattr("solvers.prior.ddim", mutate(schedule, old, new)["ddim"])
    assert not all(result.passed for result in run_laws("ddim"))
