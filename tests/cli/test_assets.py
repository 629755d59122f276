"""`fetch`, `fid-stats`: what goes together, and what is said during a transfer."""

import pytest

from bench.cli import assets
from tests.commands import bench


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["metrics", "fashion32"], "fetch metrics takes neither names nor --from"),
        (
            ["classifier", "--from", "x"],
            "fetch classifier takes neither names nor --from; BENCH_RESNET50 names",
        ),
        (["priors"], "which ones? known: fashion32, "),
        (["priors", "a", "b", "--from", "x.pt"], "--from FILE goes with one name"),
        (["lists", "a", "b", "--from", "x.txt"], "--from FILE goes with one name"),
        (["weights"], "'weights' is not one of 'classifier', 'lists', 'metrics', 'priors'"),
    ],
)
def test_what_does_not_go_together_is_refused(words, message):
    done = bench("fetch", *words)
    assert done.exit_code == 2 and message in " ".join(done.stderr.split())


def test_a_transfer_says_now_and_then_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(assets, "QUIET", 1e9)
    progress = assets.transfer("weights")
    progress(1_000_000, 4_000_000)
    progress(4_000_000, 4_000_000)
    monkeypatch.setattr(assets, "QUIET", -1.0)
    progress(2_000_000, None)
    assert capsys.readouterr().err == "weights: 4 of 4 MB, 100%\nweights: 2 MB\n"


def test_fid_stats_needs_a_data_set_that_there_is():
    assert "Missing option '--dataset'" in bench("fid-stats").stderr
    unknown = bench("fid-stats", "--dataset", "fashon32")
    assert unknown.exit_code == 2 and "did you mean 'fashion32'" in unknown.stderr
