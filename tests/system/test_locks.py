"""Locks between processes: one holds, the others wait, and none is left behind."""

import multiprocessing

import pytest

from bench.system import locks
from bench.system.locks import Claims, exclusive


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "file"


def hold(path, held, let_go):
    with exclusive(path):
        held.set()
        let_go.wait(60)


def test_nobody_waits_for_a_free_lock_and_none_is_left(path):
    with exclusive(path) as waited:
        assert not waited and [file.name for file in path.parent.iterdir()] == ["file.lock"]
    assert not list(path.parent.iterdir())
    with pytest.raises(RuntimeError), exclusive(path):
        raise RuntimeError
    assert not list(path.parent.iterdir()), "nor after an error"


@pytest.mark.parametrize("killed", [False, True])
def test_a_process_waits_until_the_holder_ends(path, monkeypatch, killed):
    monkeypatch.setattr(locks, "POLL", 0.05)
    context = multiprocessing.get_context("spawn")
    held, let_go = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(path, held, let_go))
    holder.start()
    assert held.wait(60)
    looks = []

    def waiting():
        looks.append(holder.is_alive())
        if len(looks) == 2:
            holder.kill() if killed else let_go.set()

    with exclusive(path, waiting) as waited:
        assert waited and looks[:2] == [True, True]
        if killed:
            holder.join()
    holder.join()
    assert not list(path.parent.iterdir())


def test_a_file_system_without_locks_keeps_nobody_waiting(path, monkeypatch):
    def refuse(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with exclusive(path) as waited:
        assert not waited


A, B = "a" * 64, "b" * 64


def claim(path, held, let_go):
    claims = Claims(path)
    assert claims.take(A)
    held.set()
    let_go.wait(60)


@pytest.mark.parametrize("killed", [False, True])
def test_a_claim_is_of_one_process_and_goes_with_it(tmp_path, killed):
    path, context = tmp_path / "claims", multiprocessing.get_context("spawn")
    held, let_go = context.Event(), context.Event()
    holder = context.Process(target=claim, args=(path, held, let_go))
    holder.start()
    assert held.wait(60)
    claims = Claims(path)
    assert not claims.take(A) and claims.take(B) and path.stat().st_size == 0
    claims.release([B])
    if killed:
        holder.kill()
    else:
        let_go.set()  # of a killed process it would wait for ever
    holder.join()
    assert claims.take(A)
    claims.close()
