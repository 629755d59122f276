"""Which engine a command line means, and what is refused before anything is loaded."""

import importlib.util
import sys

import pytest

from bench.cli.engines import Engine, default_engine, exit_code, make_engine, parse_parameters, without_engine
from bench.plan.options import Options
from bench.run.engines import devices
from bench.run.engines.stopping import Terminated
from tests.commands import bench

COMMAND = ["run", "--suite", "demo", "--workers", "2", "--device=cuda", "--solver", "ddrm", "--shard", "1/2"]


@pytest.fixture
def refused(capsys, monkeypatch):
    monkeypatch.setattr(devices, "cores", lambda: 2)

    def call(name=None, workers="", address="", parameters=()):
        with pytest.raises(SystemExit) as left:
            make_engine(name, workers, address, parameters, Options(shard=(2, 3)))
        return left.value.code, capsys.readouterr().err

    return call


def test_other_options_say_which_engine_is_meant():
    asked = [
        default_engine(*given)
        for given in (("", "", ()), ("2", "", ()), ("", "h:1", ()), ("8", "", ("p=gpu",)))
    ]
    assert asked == ["inline", "ray", "ray", "slurm"]
    assert make_engine(None, "", "", (), Options(device="cpu")) == Engine()
    assert Engine("ray", "cuda").planned(Options(device="cuda")).device == "cpu", "the cards are the workers'"
    assert Engine("inline").planned(Options(device="cuda")).device == "cuda"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"workers": "100000"}, "--workers 100000: this machine has 2 processors; ask for at most 2 workers"),
        ({"workers": "cpu,"}, "--workers cpu,: expected a number of processes, or devices"),
        ({"workers": "2", "name": "inline"}, "--workers is for --engine ray or slurm, not inline"),
        ({"parameters": ["time=1"], "name": "ray"}, "--slurm is for --engine slurm, not ray"),
        ({"parameters": ["=gpu"]}, "--slurm =gpu: expected NAME=VALUE, as in partition=gpu"),
        (
            {"parameters": ["p=q"], "workers": "10001"},
            "--workers 10001: jobs at one time: 10001 is above 10000",
        ),
        ({"parameters": ["p=q"], "workers": "cuda:0"}, "--workers cuda:0: jobs at one time: "),
    ],
)
def test_what_makes_no_sense_ends_in_a_line(refused, given, reason):
    code, said = refused(**given)
    assert code == 2 and said.startswith(f"error: {reason}") and said.count("\n") == 1


def test_without_the_extra_the_line_that_installs_it_and_the_same_by_shards(refused, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["bench", *COMMAND])
    code, said = refused(workers="2")
    assert code == 2 and said.splitlines() == [
        "the same without it, each in a terminal of its own:",
        "  python -m bench run --suite demo --solver ddrm --shard 2/6 --device cpu",
        "  python -m bench run --suite demo --solver ddrm --shard 5/6 --device cpu",
        "error: --workers needs ray: pip install 'diffusion-inverse-bench[ray]'",
    ]
    code, said = refused("slurm")
    assert said == "error: --engine slurm needs submitit: pip install 'diffusion-inverse-bench[slurm]'\n"


def test_a_command_line_without_its_engine():
    assert without_engine(COMMAND) == ["run", "--suite", "demo", "--solver", "ddrm"]
    assert parse_parameters(["--gpus_per_node=2", "partition=gpu", "exclusive"]) == {
        "gpus-per-node": "2",
        "partition": "gpu",
        "exclusive": "",
    }


def test_how_a_run_ended_is_seen_in_its_exit_code():
    assert exit_code(KeyboardInterrupt()) == 130 and exit_code(Terminated()) == 143


def test_a_cluster_that_does_not_answer_ends_in_a_line(tmp_path):
    start = ("run", "--suite", "demo", "--progress", "none", "--out", tmp_path / "run")
    for address, code, reason in (
        ("127.0.0.1:1", 1, "--address 127.0.0.1:1: no cluster there (Connection refused); start one with"),
        ("nowhere", 1, "--address nowhere: expected HOST:PORT"),
    ):
        done = bench(*start, "--address", address)
        assert done.exit_code == code and reason in done.stderr and not (tmp_path / "run").exists()
