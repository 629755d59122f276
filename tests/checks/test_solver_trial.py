"""The problem on which solvers are tried: its prior errs as networks do, and says so in its derivative."""

import torch

from bench.checks.solver_trial import FAULT, SHAPE, ImperfectPrior, as_images, last, make_trial, run
from bench.solver import dot
from solvers.ddrm import DDRM
from solvers.tds import TDS


def test_the_imperfect_prior_is_asymmetric_and_slightly_indefinite():
    trial = make_trial(dtype=torch.float64)
    prior, t = ImperfectPrior(trial.prior), trial.prior.schedule.level(500)
    x = torch.zeros(64, *SHAPE, dtype=torch.float64)
    jacobian = prior.vjp(x, t)[1](torch.eye(64, dtype=torch.float64).view(64, *SHAPE)).flatten(1)
    symmetric = (jacobian + jacobian.T) / 2
    assert (jacobian - jacobian.T).abs().max() > FAULT / 10
    assert -2 * FAULT < torch.linalg.eigvalsh(symmetric).min() < -FAULT / 2
    exact = trial.prior.vjp(x, t)[1](torch.eye(64, dtype=torch.float64).view(64, *SHAPE)).flatten(1)
    assert torch.linalg.eigvalsh((exact + exact.T) / 2).min() >= -1e-12
    z = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(0))
    along = (prior.denoise(x + z, t) - prior.denoise(x - z, t)) / 2
    torch.testing.assert_close(dot(prior.vjp(x, t)[1](z), z), dot(along, z))
    assert torch.equal(prior[:3].denoise(x[:3], t), prior.denoise(x, t)[:3])


def test_particles_count_as_their_mean():
    solver, trial = TDS(steps=3, particles=4), make_trial()
    x = last(run(solver, trial, slice(0, 2)))
    assert x.shape == (2, 4, *SHAPE) and torch.equal(as_images(solver, x), x.mean(1))
    x = last(run(DDRM(steps=3), trial))
    assert as_images(DDRM(), x) is x
