"""A complex y from the operator to the files: the same problem as that of its real and imaginary parts."""

import io
from dataclasses import dataclass, fields

import numpy as np
import pytest
import torch

from bench import solve
from bench.checks.solver import SHAPE, make_trial
from bench.exact.distances import pose
from bench.exact.prior import GaussianPrior
from bench.likelihood import Laplace
from bench.metrics.image import misfit
from bench.noise import StreamNoise
from bench.operators import OPERATORS, make_operator
from bench.operators.base import LinearOperator, SVDOperator
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.plan.task import Task
from bench.run.gallery import Gallery
from bench.run.inputs import measure
from bench.run.solve import ContractViolation
from bench.run.solve import solve as run_solver
from bench.solver import Measurement, Solver, Step, particles
from bench.suites.cards import list_cards
from bench.suites.methods import load_solver
from bench.suites.suite import load_suite

SIGMA = 0.1
REAL_ONLY = {"tmpd"}
"""Solvers that take real measurements alone, and say so."""
MASKS_ONLY = {"repaint"}
"""Solvers that want singular values of 0 and 1, which MRI of real images has not, and say so."""


class Stacked(LinearOperator):
    """A complex operator's real parts and, after them, its imaginary ones: (2, *m)."""

    batched = ("mask",)

    def __init__(self, A):
        super().__init__(A.shape, A.seeds)
        self.A, self.rcond, self.mask = A, A.rcond, A.measured

    out_shape = property(lambda self: (2, *self.A.out_shape))
    measured = property(lambda self: torch.stack((self.mask, self.mask), 1))

    def stack(self, y):
        return torch.stack((y.real, y.imag), 1)

    def unstack(self, y):
        return torch.complex(*y.unbind(1))

    def guess(self, y):
        return self.A.guess(self.unstack(y))

    def forward(self, x):
        return self.stack(self.A.forward(x))

    def transpose(self, v):
        return self.A.transpose(self.unstack(v))

    def repeat_interleave(self, k):
        return type(self)(self.A.repeat_interleave(k))

    def __getitem__(self, images):
        return type(self)(self.A[images])


class StackedSVD(Stacked, SVDOperator):
    """The same on the upper rung."""

    s = property(lambda self: self.A.s)

    def solve_pinv(self, y, damping=0.0):
        return SVDOperator.solve_pinv(self, y, damping)

    def apply_U(self, z):
        return self.stack(self.A.apply_U(z))

    def apply_Ut(self, y):
        return self.A.apply_Ut(self.unstack(y))

    def apply_V(self, z):
        return self.A.apply_V(z)

    def apply_Vt(self, x):
        return self.A.apply_Vt(x)


def problem(coils: int) -> tuple[GaussianPrior, Measurement, Measurement]:
    """One problem twice: complex, and stacked."""
    prior, _, x = make_trial(dtype=torch.float64)
    x = x[:2]
    A = make_operator("mri", SHAPE, [0, 1], coils=coils, acceleration=2.0)
    y = A(x)
    y = y + SIGMA * StreamNoise([3, 4], torch.float64).like(y)
    stacked = (StackedSVD if coils == 1 else Stacked)(A)
    return prior, Measurement(y, A, SIGMA), Measurement(stacked.stack(y), stacked, SIGMA)


def small(name: str) -> Solver:
    """A solver with few steps and particles."""
    cls = load_solver(name).cls
    few = {"steps": 6, "particles": 4, "langevin_steps": 3, "ode_steps": 2}
    return cls(**{field.name: few[field.name] for field in fields(cls) if field.name in few})


@pytest.mark.parametrize("coils", [1, 3])
@pytest.mark.parametrize("name", sorted(list_cards()))
def test_real_and_imaginary_parts_give_the_same_reconstruction(name, coils):
    prior, given, stacked = problem(coils)
    solver = small(name)
    reason = solver.reject(given.A, prior)
    if name in REAL_ONLY:
        assert reason is not None and "are complex (MMPS takes both)" in reason
        return
    if reason is not None:
        assert coils > 1 or name in MASKS_ONLY
        same = solver.reject(stacked.A, prior)
        assert reason == same.replace(type(stacked.A).__name__, type(given.A).__name__)
        return
    found = []
    for measurement in (given, stacked):
        x = run_solver(solver, measurement, prior, StreamNoise([7, 8], torch.float64)).x
        assert x.isfinite().all()
        found.append(x)
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)
    if name == "pinv":
        real = Measurement(given.y.real.to(given.y), given.A, SIGMA)
        other = run_solver(solver, real, prior, StreamNoise([7, 8], torch.float64)).x
        assert (other - found[0]).abs().max() > 0.1, "the imaginary part counts"
    assert found[0].shape[-3:] == SHAPE and particles(solver) in {1, 4}


@dataclass(frozen=True)
class Images:
    """Two images of a made-up data set."""

    name: str = "made"
    shape: tuple[int, ...] = (1, 8, 8)

    def image(self, image: str) -> torch.Tensor:
        return 0.5 * torch.from_numpy(np.random.default_rng(int(image)).standard_normal(self.shape)).float()

    def image_sha256(self, image: str) -> str:
        return image


def test_complex_noise_has_sigma_in_each_part(monkeypatch):
    """One draw, real parts first: the y of the stacked problem, to the bit, and of one image alone."""
    task = Task("t", "made", "mri", SIGMA, {"coils": 2, "acceleration": 1.0, "center": 0.5})
    both = measure(task, Images(), ["0", "1"])
    y, A = both.measurement.y, both.measurement.A
    n = (y - A(both.x)).flatten()
    assert y.dtype == torch.complex128
    assert n.real.std().item() == pytest.approx(SIGMA, rel=0.1) == n.imag.std().item()
    assert abs((n.real * n.imag).mean().item()) < 0.2 * SIGMA**2
    assert torch.equal(measure(task, Images(), ["1"]).measurement.y, y[1:])
    make = OPERATORS["mri"]
    monkeypatch.setitem(OPERATORS, "mri", lambda *args, **settings: Stacked(make(*args, **settings)))
    monkeypatch.setattr("bench.operators.check_parameters", lambda _, settings: dict(settings))
    stacked = measure(task, Images(), ["0", "1"]).measurement.y
    assert torch.equal(torch.complex(*stacked.unbind(1)), y)


def test_the_truth_has_a_misfit_of_one():
    measured = measure(Task("t", "made", "mri", SIGMA, {"acceleration": 2.0}), Images(), ["0", "1"])
    y, A, _ = measured.measurement
    assert misfit(A, measured.x, y, measured.measurement.noise).tolist() == pytest.approx([1, 1], abs=0.15)
    size = torch.as_tensor(A.size(y)).flatten()
    given = (A(measured.x) - y).abs().square().flatten(1).sum(1) / size
    torch.testing.assert_close(misfit(A, measured.x, y, measured.measurement.noise), given.sqrt() / SIGMA)


def test_files_keep_the_imaginary_part(tmp_path):
    measured = measure(Task("t", "made", "mri", SIGMA), Images(), ["0"])
    Gallery(tmp_path, 1).measurement(measured, 0)
    (file,) = tmp_path.rglob("*.npz")
    with np.load(io.BytesIO(file.read_bytes())) as kept:
        assert kept["y"].dtype == np.complex64
        np.testing.assert_allclose(kept["y"], measured.measurement.y[0], rtol=1e-6, atol=1e-6)


def test_the_exact_posterior_knows_both_parts():
    prior, given, stacked = problem(3)
    a, b = (prior.posterior(m.y, m.A, SIGMA) for m in (given, stacked))
    torch.testing.assert_close(a.component_means(), b.component_means())
    torch.testing.assert_close(a.component_covariances(), b.component_covariances())
    one = pose(prior, given.A[:1], given.y[:1], SIGMA, torch.zeros(1, *SHAPE))
    assert one.A.shape == (2 * 3 * 64, 64) and one.y.shape == (2 * 3 * 64,)
    torch.testing.assert_close(one.posterior.component_means(), a.component_means()[:1])


@pytest.mark.parametrize("which", ["state", "question"])
def test_complex_images_are_refused(which):
    """A solver that makes complex images of complex data is told so; no cast makes them real."""

    @dataclass(frozen=True)
    class Careless(Solver):
        def solve(self, measurement, prior, noise):
            x = measurement.y[:, :, 0]
            x0 = prior.denoise(x, prior.schedule.level(5)) if which == "question" else x
            yield Step(x, x0)

    prior, given, _ = problem(3)
    words = {"state": r"yielded x in torch.complex128; .*an image is real", "question": "images are real"}
    with pytest.raises((ContractViolation, ValueError), match=words[which]):
        run_solver(Careless(), given, prior, StreamNoise([7, 8], torch.float64))


def test_the_notebook_takes_complex_data_and_refuses_others():
    prior, given, stacked = problem(1)
    x = solve(given.y, given.A, SIGMA, prior, small("ddrm"))
    assert (
        x.dtype == torch.float64 and (x - solve(given.y.conj(), given.A, SIGMA, prior, small("ddrm"))).any()
    )
    for y, A in ((given.y.real, given.A), (stacked.y.cdouble(), stacked.A)):
        with pytest.raises(ValueError, match="complex_valued"):
            solve(y, A, SIGMA, prior, small("ddrm"))


def test_noise_of_real_data_is_refused_at_the_start(tmp_path):
    words = "Laplace noise is of real measurements; those of SingleCoilMRI are complex"
    prior, given, _ = problem(1)
    with pytest.raises(ValueError, match=words):
        solve(given.y, given.A, Laplace(0.1), prior, small("dps"))
    suite = tmp_path / "own.yaml"
    suite.write_text(
        "{name: own, dataset: fashion32, prior: fashion32, images: 1, solvers: [{solver: dps}], tasks: "
        "[{name: t, operator: mri, params: {coils: 1}, noise: {kind: laplace, scale: 0.1}}]}"
    )
    with pytest.raises(ValueError, match=words):
        prepare(load_suite(str(suite)), Options())
