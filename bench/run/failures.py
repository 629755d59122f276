"""What an exception means for a record: its status, and its reason in one line."""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.records.files import StoreError
from bench.system.device import out_of_memory


class Failure(NamedTuple):
    """What stands for a result that there is not."""

    status: str
    reason: str


class ScoringError(RuntimeError):
    """Something that could not be computed of a reconstruction: the message says what, the cause why."""


@contextlib.contextmanager
def scoring(what: str) -> Iterator[None]:
    """Names what is computed inside, for the reason of a record.

    Raises:
        ScoringError: whatever is raised inside, but for what is wrong with the store.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise ScoringError(what) from error


def failure(error: BaseException, own: str = "") -> Failure:
    """What an exception makes of an image.

    Args:
        own: a file whose line is named rather than the last one.
    """
    told, doing = error, ""
    if isinstance(error, ScoringError) and error.__cause__ is not None:
        told, doing = error.__cause__, f"scoring ({error}): "
    return Failure("out_of_memory" if out_of_memory(told) else "failed", doing + describe(told, own))


def describe(error: BaseException, own: str = "") -> str:
    """One line: what was raised, and where; an exception of ours says it all itself."""
    if type(error).__module__.partition(".")[0] == "bench":
        return str(error)
    text = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    chosen = [frame for frame in frames if frame.filename == own] or frames
    return f"{text} ({Path(chosen[-1].filename).name}:{chosen[-1].lineno})" if chosen else text
