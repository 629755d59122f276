"""What the C library does with memory that is freed.

By default glibc gives large blocks back to the system at once, and the next call of a network asks for the
same thousands of pages again: a tenth of its processor time and more.
"""

import ctypes
import os
import sys

KEPT = {"MALLOC_TRIM_THRESHOLD_": 2**31 - 1, "MALLOC_MMAP_THRESHOLD_": 2**26}
"""Bytes: how much stays at the end of the heap, and the least block that goes back when it is freed."""
_PARAMETERS = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_MMAP_THRESHOLD_": -3}
"""Their numbers in glibc's malloc.h, M_TRIM_THRESHOLD and M_MMAP_THRESHOLD."""


def keep_freed_memory() -> None:
    """Has glibc keep what is freed for the next call, here and in what this process starts.

    Changes nothing elsewhere, nor where the user has said what malloc does. Peaks of memory stay as they are,
    since free memory is given back before a peak is measured.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if sys.platform != "linux" or "glibc.malloc" in tunables or any(name in os.environ for name in KEPT):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return
    for name, value in KEPT.items():
        mallopt(_PARAMETERS[name], value)
        os.environ[name] = str(value)
