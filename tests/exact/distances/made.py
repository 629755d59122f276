"""Priors and linear problems whose posteriors are known, and samples that are wrong in one respect."""

import math
from itertools import product

import numpy as np
import torch

from bench.exact.distances import pose
from bench.exact.distances.draws import draw
from bench.exact.prior import GaussianPrior, MixturePrior
from bench.operators.matrices import Matrix

F64 = torch.float64


def rng(*seed):
    return np.random.default_rng(seed)


def linear(prior, m, sigma, name="problem", A=None):
    """One problem of a random matrix with singular values between .2 and 1."""
    r, d = rng(5), prior.shape[0]
    if A is None:
        left, right = (
            np.linalg.qr(r.standard_normal((m, m)))[0],
            np.linalg.qr(r.standard_normal((d, d)))[0][:m],
        )
        A = left * r.uniform(0.2, 1, m) @ right
    A = Matrix((d,), [0], A)
    x = draw(prior, 1, name, "truth")
    return pose(
        prior, A, A(x) + sigma * torch.from_numpy(r.standard_normal((1, len(A.matrix)))), sigma, x, name
    )


def gaussian(d):
    return GaussianPrior(torch.linspace(-1, 1, d, dtype=F64), torch.logspace(0, -1, d, dtype=F64))


def mixture(shared, seed, d=3):
    r = rng(seed)
    basis = np.linalg.qr(r.standard_normal((d, d)))[0]
    parts = (
        r.uniform(1, 2, 4),
        r.standard_normal((4, d)),
        r.uniform(0.05, 0.5, (1 if shared else 4, d)),
        basis,
    )
    return MixturePrior(*(torch.from_numpy(part) for part in parts))


def grid_mixture(d=8):
    """25 modes on a grid, unit variance in all, the mixture that MCGdiff is tested on at a smaller scale."""
    means = np.array([(a, b) * (d // 2) for a, b in product(range(-2, 3), repeat=2)]) / math.sqrt(2)
    weights = rng(1).chisquare(3, 25)
    return MixturePrior(
        torch.from_numpy(weights), torch.from_numpy(means), torch.full((1, d), 1 / 128, dtype=F64)
    )


def exact_moments(posterior, n):
    """n vectors whose sample mean and covariance are those of the distribution."""
    z = rng(6).standard_normal((n, posterior.mean.shape[1]))
    z -= z.mean(0)
    z = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T
    return posterior.mean + torch.from_numpy(z @ np.linalg.cholesky(posterior.covariance[0].numpy()).T)


def perturbed(problem, seed, n=1000, within=1.0, measured=1.0, tv=0.0, shift=0.0):
    """Samples drawn here from the posterior with its variance within the modes, or along the measured
    directions within them, scaled, total variation moved between the modes, or all shifted by a part of the
    standard deviation within a mode."""
    r, posterior = rng(9, seed), problem.posterior
    weights, cov = (
        posterior.log_weights[0].exp().numpy().copy(),
        posterior.component_covariances()[0, 0].numpy(),
    )
    heavy = weights >= np.sort(weights)[-6]
    for part, sign in ((heavy, -1), (~heavy, 1)):
        weights[part] *= 1 + sign * tv / weights[part].sum()
    V = problem.subspaces["measured"].numpy()
    off = r.standard_normal((n, len(cov))) @ np.linalg.cholesky(cov).T * within**0.5
    off += (measured**0.5 - 1) * off @ V @ V.T
    along = np.full(len(cov), len(cov) ** -0.5)
    off += shift * np.sqrt(along @ cov @ along) * along
    modes = r.choice(len(weights), n, p=weights / weights.sum())
    return torch.from_numpy(posterior.component_means()[0].numpy()[modes] + off)
