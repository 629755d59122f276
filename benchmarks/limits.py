"""Compares the solvers' variance in unmeasured directions with its limit in closed form.

    python benchmarks/limits.py

The limit is that of infinitely many steps.
"""

import sys
from pathlib import Path


def main() -> None:
    """Prints one line per solver and setting; the right variance is 1."""
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from bench.certify.limits import limits

    for limit in limits():
        verdict = "reached" if limit.reached else "MISSED "
        print(f"{verdict} {limit.variance:.4f} -> {limit.limit:.4f} +- {limit.tolerance:.2f}  {limit.name}")


if __name__ == "__main__":
    main()
