"""How a driver is asked to end, so that its workers end before it does."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

TERMINATED = 143
"""Exit code after SIGTERM, as a shell reports it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raises `Terminated` inside where the process is asked to end; only the main thread hears it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = []

    def stop(*_: Any) -> NoReturn:
        heard.append(True)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:  # which Ray makes of whatever a handler raises
        if heard:
            raise Terminated from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
