"""Carries certificates over from an earlier commit, where today's code gives the same bits.

    python -m bench certify --write                             # certificates of today's code first
    python tools/carry_certificates.py --from COMMIT

Every solver runs all problems of its laws twice, in the tree of COMMIT and in this one (`law_bits.py`). Where
all float64 states and estimates have equal bits, today's certificate takes over what COMMIT certified: the
hash of that code and its ``earlier`` ones join its own ``earlier``, and records of that code stay certified.
For every other solver the tool prints the reason.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.certify.certificates import Certificate, read_certificates, write_certificates  # noqa: E402

PROBE = Path(__file__).with_name("law_bits.py")
Bits = Mapping[str, Any]
"""What `law_bits.measure` finds of a solver: ``code`` and ``laws``."""


def check_out(commit: str, folder: Path) -> None:
    """Unpacks the code of a commit into a folder."""
    command = ["git", "-C", str(ROOT), "archive", commit, "bench", "solvers"]
    packed = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def measure(tree: Path) -> dict[str, Bits]:
    """Solver -> its bits in a tree, measured by the probe in a new process."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(PROBE)]
    done = subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def certificates_of(tree: Path) -> dict[str, dict[str, Any]]:
    """The certificates of a tree, wherever in it they lie."""
    (file,) = (tree / "bench").rglob("certificates.json")
    return json.loads(file.read_text())


def objection(old: Mapping[str, Any], new: Certificate | None, there: Bits, here: Bits | None) -> str | None:
    """The reason why an old certificate cannot be carried over to a new one; None where it can."""
    if new is None or here is None:
        return "it has no certificate today"
    if new.code_sha256 != here["code"]:
        return "today's certificate is of other code: run `python -m bench certify --write` first"
    if old["code_sha256"] != there["code"]:
        return "the commit itself had changed the code since its certificate"
    names = dict.fromkeys([*there["laws"], *here["laws"]])
    changed = [name for name in names if there["laws"].get(name) != here["laws"].get(name)]
    return f"other bits in {', '.join(changed)}" if changed else None


def carried(old: Mapping[str, Any], new: Certificate) -> Certificate:
    """The new certificate, which also covers the code of the old one."""
    hashes = dict.fromkeys((*new.earlier, *old.get("earlier", ()), old["code_sha256"]))
    return replace(new, earlier=tuple(sha for sha in hashes if sha != new.code_sha256))


def main() -> None:
    """The command line."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--from", dest="commit", required=True, metavar="COMMIT")
    commit = parser.parse_args().commit
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve()
        check_out(commit, tree)
        there, here, old = measure(tree), measure(ROOT), certificates_of(tree)
    today = read_certificates()
    for name, given in old.items():
        reason = objection(given, today.get(name), there[name], here.get(name))
        print(f"{name}: {f'not carried over: {reason}' if reason else 'the same bits, carried over'}")
        if not reason:
            write_certificates({name: carried(given, today[name])})


if __name__ == "__main__":
    main()
