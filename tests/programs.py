"""Programs that a few tests need and Python does not bring: CI has them, a contributor may not."""

import os
import shutil
from pathlib import Path

import pytest

ALL = "BENCH_TEST_ALL"
"""Environment variable: where it is 1, as in CI, a test that lacks its program fails."""


def program(*names: str) -> Path:
    """The path of the first of these programs that is installed; without any the test is skipped, or fails.

    Args:
        names: what one program is called on different systems.
    """
    for name in names:
        if path := shutil.which(name):
            return Path(path)
    reason = f"{names[0]} is not installed; on Debian `.ci/run` says which packages have it"
    if os.environ.get(ALL) == "1":
        pytest.fail(f"{reason}, and {ALL}=1 asks for every test")
    pytest.skip(reason)
