"""SIGTERM reaches a driver as an exception, and only while it asks for that."""

import os
import signal
import threading

import pytest

from bench.run.engines.stopping import Terminated, terminable


def test_a_driver_hears_of_its_end_and_the_old_handler_comes_back():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("before"))
    try:
        with pytest.raises(Terminated), terminable():
            os.kill(os.getpid(), signal.SIGTERM)
        assert issubclass(Terminated, KeyboardInterrupt) and heard == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == ["before"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_thread_has_no_signals():
    entered = []

    def enter():
        with terminable():
            entered.append(True)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [True]
