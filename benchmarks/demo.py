"""Measures the demo after installation: `python -m bench run --suite demo` into an empty folder.

python benchmarks/demo.py
"""

import subprocess
import sys
import tempfile
import time


def main() -> None:
    """Runs the demo once and prints how long it took."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "bench", "run", "--suite", "demo", "--out", folder], check=True)  # noqa: S603
        print(f"demo: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
