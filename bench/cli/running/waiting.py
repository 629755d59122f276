"""How long the threads of an operation wait for each other before they sleep.

Run times of OpenMP let threads spin for milliseconds by default. On a machine that others use too, a thread
then spins for one that has no processor, and takes the time of the others.
"""

import os
import sys

SHORT = {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "1"}
"""A short spin, for GNU's run time in rounds, for Intel's and LLVM's in ms: see benchmarks/waiting.py."""


def wait_shortly() -> None:
    """Has threads spin shortly; changes nothing where torch is loaded or the user has set how they wait.

    What this process starts inherits it.
    """
    if "torch" not in sys.modules and not ({"OMP_WAIT_POLICY", *SHORT} & os.environ.keys()):
        os.environ.update(SHORT)
