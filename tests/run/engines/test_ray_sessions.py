"""Ray's session: short paths, nothing left of drivers that were killed, refusals in a line."""

import multiprocessing
import tempfile
from pathlib import Path

import pytest

from bench.run.engines.ray_sessions import LONGEST_FOLDER, check_reach, refusal, short_folder
from bench.run.engines.work import EngineError


def hold(folder, held, let_go):
    tempfile.tempdir = folder
    with short_folder() as own:
        held.send(own)
        let_go.recv()


@pytest.mark.long
def test_the_folder_is_short_goes_at_the_end_and_those_of_killed_drivers_with_the_next(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        monkeypatch.setattr(tempfile, "tempdir", root)
        context = multiprocessing.get_context("spawn")
        (here, held), (let_go, there) = context.Pipe(), context.Pipe()
        process = context.Process(target=hold, args=(root, held, there))
        process.start()
        theirs = here.recv()
        with short_folder() as ours:
            assert len(str(ours)) <= LONGEST_FOLDER and theirs.exists()
        assert not ours.exists()
        process.kill()
        process.join()
        with short_folder():
            assert not theirs.exists()
        del let_go


def test_a_long_path_is_left_for_a_short_one(tmp_path, monkeypatch):
    long = tmp_path / ("x" * LONGEST_FOLDER)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with short_folder() as folder:
        assert len(str(folder)) <= LONGEST_FOLDER and folder.parent == Path("/tmp")


@pytest.mark.parametrize("address", ["auto", "host", "host:", ":6379", "host:0", "host:65536", "host:²"])
def test_an_address_has_a_host_and_a_port(address):
    with pytest.raises(EngineError, match="expected HOST:PORT"):
        check_reach(address)


def test_a_cluster_that_refuses_says_why_in_a_line():
    told = refusal(ConnectionError("Failed to connect to Ray cluster at node:6379\nand more"))
    assert "has it another token? copy ~/.ray/auth_token of its head here" in told and "\n" not in told
    assert refusal(RuntimeError("version mismatch\nand more")) == "version mismatch"
