"""Stand-ins: a suite is resolved without its data and weights, and nothing is opened or fetched."""

import socket

import pytest
import torch

from bench.exact.problems import exact_prior
from bench.forecast import stand_in
from bench.forecast.stand_in import DrawnImages, make_stand_ins, network_of
from bench.plan.build import make_cells
from bench.priors import PriorError
from bench.suites.changes import override
from bench.suites.suite import load_suite

CPU = torch.device("cpu")


def test_a_suite_whose_weights_and_images_are_not_here_is_resolved(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection")

    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    monkeypatch.setattr(socket, "create_connection", refuse)
    suite = override(load_suite("ffhq-linear"), [], ["sr_average4"], images=2)
    cells = make_cells(suite, make_stand_ins(suite, CPU), {})
    assert {cell.prior.name for cell in cells} == {"ffhq256_uncond"} and len(cells) == len(suite.solvers)
    assert not any(tmp_path.iterdir())


def test_a_prior_in_closed_form_stands_for_itself():
    suite = load_suite("exact")
    load = make_stand_ins(suite, CPU)
    given = load(suite.tasks[0])
    known = exact_prior(given.prior.name)
    assert type(given.prior) is type(known) and given.data.name == given.prior.name


def test_drawn_images_are_pictures_of_their_own():
    images = DrawnImages("any", (3, 32, 32), 3)
    first, second = images.image("00000"), images.image("00001")
    assert first.shape == (3, 32, 32) and first.abs().max() <= 1
    assert torch.equal(first, images.image("00000")) and not torch.equal(first, second)


@pytest.mark.parametrize(
    ("name", "reason"), [("ffhq512", "unknown prior"), ("azula:adm/imagenet_256x256", "not known before")]
)
def test_what_cannot_be_counted_is_refused(name, reason):
    with pytest.raises(PriorError, match=reason):
        network_of(name)


def test_a_network_that_needs_values_is_refused(monkeypatch):
    def fails(_):
        raise RuntimeError("no values on meta")

    monkeypatch.setattr(stand_in, "count", fails)
    with pytest.raises(PriorError, match="without running it: no values"):
        stand_in.StandIn(network_of("fashion32"), CPU)
