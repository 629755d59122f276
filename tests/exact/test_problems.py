"""Priors in closed form by name are what their names promise."""

import pytest
import torch

from bench.exact.problems import ExactImages, exact_prior, frequencies, hartley
from bench.plan.task import Task
from bench.run.inputs import measure


@pytest.mark.long
def test_templates_keep_their_prior_weights():
    data = ExactImages("exact-templates32")
    for image in data.ids[:1]:
        _, (y, A, sigma), *_ = measure(Task("box", data.name, "inpaint_box", 0.05), data, [image])
        weights = data.prior.posterior(y, A, sigma).log_weights[0].exp()
        torch.testing.assert_close(
            weights, torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=weights.dtype), rtol=0, atol=1e-9
        )


def test_held_out_draws_are_others_of_the_same_prior():
    ours, theirs = ExactImages("exact-mixture8"), ExactImages("exact-mixture8-tune")
    assert torch.equal(ours.prior.centres, theirs.prior.centres)
    assert not torch.equal(ours.image("problem-000"), theirs.image("problem-000"))


def test_image_statistics_are_those_that_the_names_promise():
    prior = exact_prior("exact-gaussian16")
    H = hartley(16)
    torch.testing.assert_close(H @ H, torch.eye(256, dtype=H.dtype), rtol=0, atol=1e-12)
    assert prior.covariance[0].diagonal().sqrt() == pytest.approx(0.5, abs=1e-12)
    power = torch.einsum("ij,jk,ki->i", H, prior.covariance[0], H).view(16, 16)
    f = frequencies(16)
    assert power[0, 8] / power[0, 2] == pytest.approx(float((f[0, 2] / f[0, 8]) ** 2))
    mixture = exact_prior("exact-mixture800")
    assert float((mixture.centres[0, :, 0] * 2**0.5).unique().numel()) == 5
