"""The directions in which samples are judged, whatever axes a machine returns."""

import numpy as np
import pytest
import torch

from bench.exact.distances import score
from bench.exact.distances.draws import draw
from bench.operators.matrices import padded_svd
from tests.exact.distances.made import gaussian, grid_mixture, linear, rng


@pytest.mark.parametrize(("d", "m", "measured"), [(40, 2, 2), (40, 16, 4), (40, 38, 6), (40, 40, 8)])
def test_view_has_measured_directions_first(d, m, measured):
    problem = linear(gaussian(d), m, 0.3)
    assert (problem.view @ problem.view.T - torch.eye(8)).abs().max() < 1e-12
    assert ((problem.A @ problem.view[measured:].T).abs() < 1e-12).all()
    unmeasured = problem.subspaces["unmeasured"]
    assert ((problem.view[:measured] @ unmeasured).abs() < 1e-9).all()
    x = draw(problem.posterior, 500, "solver")
    assert score(x, problem)["hpd_ks"] < 0.09
    for basis in problem.subspaces.values():
        wide = x + (x - problem.posterior.mean) @ basis @ basis.T
        assert basis.shape[1] == 0 or score(wide, problem)["hpd_ks"] > 0.15
    assert linear(gaussian(8), 3, 0.3).view is None


def test_nothing_depends_on_which_axes_a_machine_returns(monkeypatch):
    """Eigenvectors and singular vectors are arbitrary where values repeat, and differ between processors."""

    def turned(values, vectors):
        vectors = vectors.clone()
        for value in values.flatten().unique():
            same = (values - value).abs() < 1e-9
            k = int(same.sum())
            vectors[..., same] = vectors[..., same] @ torch.from_numpy(
                np.linalg.qr(rng(7).standard_normal((k, k)))[0]
            )
        return vectors

    def eigh(matrix):
        e, Q = plain(matrix)
        if matrix.dim() == 2:
            return e, turned(e, Q)
        assert matrix.shape[:2] == (1, 1)
        return e, turned(e[0, 0], Q[0, 0])[None, None]

    prior, plain = grid_mixture(16), torch.linalg.eigh
    usual = linear(prior, 2, 0.5)
    x = draw(usual.posterior, 300, "solver") * 1.1
    scores = score(x, usual)
    svd = padded_svd(usual.A.numpy())
    monkeypatch.setattr(torch.linalg, "eigh", eigh)
    monkeypatch.setattr(
        "bench.exact.distances.problem.padded_svd", lambda A: (*svd[:2], turned(svd[1], svd[2]))
    )
    other = linear(prior, 2, 0.5)
    assert (other.posterior.basis - usual.posterior.basis).abs().max() > 0.1
    assert (draw(other.posterior, 300, "solver") * 1.1 - x).abs().max() < 1e-9
    assert score(x, other) == pytest.approx(scores, abs=1e-9)
