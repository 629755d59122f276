"""Says in one line what a user's code raised, and on which of its lines."""

import sysconfig
import traceback
from pathlib import Path

from bench.system.code.user_code import INSTALLED

OURS = Path(__file__).parents[2]
STDLIB = Path(sysconfig.get_path("stdlib"))


def what(error: BaseException) -> str:
    """The type and the message of an exception, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def where(error: BaseException) -> str:
    """The last line outside of `bench`, the standard library and installed packages, " (my.py:7)", or ""."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.suffix == ".py" and _theirs(path):
            return f" ({path.name}:{frame.lineno})"
    return ""


def _theirs(path: Path) -> bool:
    """Whether a file is a user's, or one of our methods'."""
    others = path.is_relative_to(OURS) or path.is_relative_to(STDLIB) or INSTALLED & set(path.parts)
    return not others
