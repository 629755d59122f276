"""Which devices workers get, and that no more are asked for than there are."""

import pytest
import torch

from bench.run.engines import devices
from bench.run.engines.devices import bounded, cluster_devices, local_devices


@pytest.fixture
def four_cards(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(devices, "get_device", torch.device)
    monkeypatch.setattr(devices, "cores", lambda: 2)


@pytest.mark.parametrize(
    ("workers", "device", "found"),
    [
        ("2", "cpu", ["cpu", "cpu"]),
        ("", "cpu", ["cpu", "cpu"]),
        ("cpu,cpu", "cuda", ["cpu", "cpu"]),
        ("3", "cuda", ["cuda:0", "cuda:1", "cuda:2"]),
        ("", "cuda", ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]),
        ("1", "cuda:2", ["cuda:2"]),
        ("cuda:3, cuda:1,cuda:0", "cpu", ["cuda:3", "cuda:1", "cuda:0"]),
    ],
)
def test_each_worker_gets_a_device(four_cards, workers, device, found):
    assert local_devices(workers, device) == found


@pytest.mark.parametrize(
    ("workers", "device", "reason"),
    [
        ("100000", "cpu", "--workers 100000: this machine has 2 processors; ask for at most 2 workers"),
        ("cpu,cpu,cpu", "cpu", "--workers 3: this machine has 2 processors"),
        ("5", "cuda", "--workers 5: this machine has 4 cards; ask for at most 4 workers"),
        ("2", "cuda:1", "--workers 2: --device cuda:1 has 1 card"),
        ("cuda:1,cuda:1", "cpu", "cuda:1 is named twice; one worker per card"),
        ("0", "cpu", "expected a number of processes, or devices as in cuda:0,cuda:1"),
        ("cuda:0,", "cpu", "expected a number"),
        ("²", "cpu", "expected a number"),
        ("9" * 5000, "cpu", "expected a number"),
    ],
)
def test_what_there_is_not_is_refused_in_a_line(four_cards, workers, device, reason):
    with pytest.raises(ValueError, match="--workers") as error:
        local_devices(workers, device)
    assert reason in str(error.value) and len(str(error.value)) < 250 and "\n" not in str(error.value)


def test_a_cluster_gives_what_it_has():
    assert cluster_devices("", "cuda", {"CPU": 64.0, "GPU": 8.0}) == ["cuda"] * 8
    assert cluster_devices("3", "cpu", {"CPU": 64.0}) == ["cpu"] * 3
    with pytest.raises(ValueError, match="--workers 9: the cluster has 8 cards; ask for at most 8 workers"):
        cluster_devices("9", "cuda", {"GPU": 8.0})
    with pytest.raises(ValueError, match="the cluster has no card for a worker"):
        cluster_devices("1", "cuda", {"CPU": 64.0})
    assert bounded(None, 3, "card", "here") == 3
