"""Measures the wall time of `python -m bench --help`, and lists the heavy modules that it imports.

python benchmarks/startup.py
"""

import subprocess
import sys
import time

HEAVY = ("torch", "pandas", "matplotlib", "scipy", "numpy")


def main() -> None:
    """Prints the best of ten starts."""
    times = []
    for _ in range(10):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "bench", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    code = (
        "import sys, runpy, contextlib, io\n"
        "sys.argv = ['bench', '--help']\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    runpy.run_module('bench', run_name='__main__')\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    imported = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout  # noqa: S603
    print(f"--help: best of 10 starts {min(times):.3f} s; heavy imports: {imported.strip()}")


if __name__ == "__main__":
    main()
