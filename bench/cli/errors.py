"""Errors that a user can cause, as lines on stderr and exit codes: 0 all done; 1 something could not be
computed, read or written; 2 the request does not make sense; 130 Ctrl-C.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

USAGE, FAILURE, INTERRUPTED = 2, 1, 130
EXPECTED = {
    "SuiteError": USAGE,
    "UserCodeError": USAGE,
    "DataError": USAGE,
    "PriorError": USAGE,
    "DeviceError": USAGE,
    "PublishedError": USAGE,
    "AssetUnavailable": FAILURE,
    "DownloadError": FAILURE,
    "ListUnavailable": FAILURE,
    "OSError": FAILURE,
}
"""Errors that say all there is to say, by name, since most of their modules import torch; with their exit
codes."""


def plain_errors(verb: Callable) -> Callable:
    """Turns the errors that a user can cause into lines on stderr and an exit code; others keep their
    traceback.
    """

    @functools.wraps(verb)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            verb(*args, **options)
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except Exception as error:
            codes = [EXPECTED[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in EXPECTED]
            if not codes:
                raise
            fail(str(error), codes[0])

    return wrapped


def fail(message: str, code: int) -> NoReturn:
    """Prints the message and leaves."""
    click.echo("\n".join(f"error: {line}" for line in message.splitlines()), err=True)
    sys.exit(code)
