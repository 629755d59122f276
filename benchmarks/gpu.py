"""Measures one GPU on the 256 x 256 networks: speed, memory, overhead, costs of solvers, tests, records.

    python benchmarks/gpu.py              # at most 400 s on one card; writes benchmarks/results/gpu.json
    python benchmarks/gpu.py --toy        # the same path on a CPU; its numbers mean nothing
    python benchmarks/gpu.py --show FILE  # the tables of an earlier run

Nothing is downloaded: the weights are random, and the verified records use the embedded prior. Each part is a
process of its own with its own time limit. A part that hangs, crashes, runs over or lacks a package costs no
other part anything, and what it had measured stays: the JSON file is written after each measurement.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # beside this file, `statistics` would not be the standard library's

from benchmarks.gpu_parts.table import render  # noqa: E402 - the parts import the repository

OUT = HERE / "results" / "gpu.json"
FORMAT = 1
SHARES = {
    "ffhq256_uncond": 60,
    "imagenet256_uncond": 90,
    "overhead": 40,
    "costs": 40,
    "verify": 50,
    "tests": 60,
    "compiled": 100,
    "fast": 200,
}
"""Parts in their order, the least certain last, and their shares of the time that is left.

What a part does not use is left to the next one.
"""
NOT_IN_TOY = {"imagenet256_uncond"}


def main() -> None:
    """Runs the command line; exits with 1 where a part failed or timed out."""
    args = parse()
    if args.show:
        print(render(json.loads(args.show.read_text())))
        return
    device = args.device or default_device(args.toy)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by the way that ends the part, too
    with tempfile.TemporaryDirectory() as scratch:
        out = args.out or (Path(scratch) / "gpu.json" if args.toy else OUT)
        document = measure(args, device, out)
    print(render(document))
    sys.exit(any(part["status"].startswith(("failed", "timed out")) for part in document["parts"].values()))


def parse() -> argparse.Namespace:
    """Options, checked."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    add = parser.add_argument
    add("--device", help="cuda, cuda:1, cpu; default: cuda, with --toy cpu")
    add("--seconds", type=float, default=400, help="for everything together; default: 400")
    add("--parts", default=",".join(SHARES), metavar="NAME,...", help=f"default: {','.join(SHARES)}")
    add("--limit", type=limit, action="append", default=[], metavar="PART=SECONDS", help="repeatable")
    add("--out", type=Path, help="default: benchmarks/results/gpu.json, with --toy nothing is kept")
    add("--commit", help="of the code, where it lies without its repository")
    add("--toy", action="store_true", help="a tiny network, to try this file")
    add("--show", type=Path, metavar="FILE", help="print the tables of this JSON and measure nothing")
    args = parser.parse_args()
    args.parts, args.limit = args.parts.split(","), dict(args.limit)
    if unknown := [name for name in (*args.parts, *args.limit) if name not in SHARES]:
        parser.error(f"unknown part '{unknown[0]}'; the parts are {', '.join(SHARES)}")
    return args


def limit(text: str) -> tuple[str, float]:
    """Parses a limit such as "compiled=30"."""
    name, _, seconds = text.partition("=")
    return name, float(seconds)


def default_device(toy: bool) -> str:
    """The card; a full-sized run on a CPU has to be asked for."""
    if toy:
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        sys.exit("no CUDA device here: --toy tries the path on a CPU, --device cpu measures the CPU itself")
    return "cuda"


def measure(args: argparse.Namespace, device: str, out: Path) -> dict[str, Any]:
    """Runs the parts one after the other; the document, written to ``out`` after each measurement."""
    end = time.monotonic() + args.seconds
    names = [name for name in SHARES if name in args.parts and not (args.toy and name in NOT_IN_TOY)]
    unmeasured = {"status": "not run", "seconds": 0.0, "limit": None}
    document = {
        "format": FORMAT,
        "toy": args.toy,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": args.commit,
        "seconds": args.seconds,
        "machine": {},
        "parts": {name: {**unmeasured, "measurements": []} for name in names},
    }
    write(document, out)
    for k, name in enumerate(names):
        share = SHARES[name] / sum(SHARES[later] for later in names[k:])
        seconds = args.limit.get(name, (end - time.monotonic()) * share)
        command = [
            sys.executable,
            "-m",
            "benchmarks.gpu_parts",
            name,
            "--device",
            device,
            "--given",
            str(out),
        ]
        command += ["--seconds", str(seconds), *(["--toy"] if args.toy else [])]
        run_part(document, name, command, seconds, out)
        print(f"{name}: {document['parts'][name]['status']}", file=sys.stderr, flush=True)
    return document


def run_part(document: dict[str, Any], name: str, command: Sequence[str], seconds: float, out: Path) -> None:
    """Runs one part and puts what it says into the document, written at once."""
    part, start = document["parts"][name], time.monotonic()
    part["limit"] = round(seconds, 1)

    def keep(line: dict[str, Any]) -> None:
        if "machine" in line:
            document["machine"] = line["machine"]
            document["commit"] = document["commit"] or line["commit"]
        elif "status" in line:
            part["status"] = line["status"]
        else:
            part["measurements"].append(line)
        part["seconds"] = round(time.monotonic() - start, 1)
        write(document, out)

    part["status"] = "running"
    ended = conduct(command, seconds, keep) or "ok"
    said = part["status"]  # by the part itself, which knows more than how its process ended
    keep({"status": ended if said == "running" else said})


def conduct(command: Sequence[str], seconds: float, keep: Callable[[dict[str, Any]], None]) -> str | None:
    """Runs a command that prints JSON objects, a line each, and hands them over as they come.

    Args:
        seconds: after which the command and all that it started are killed.

    Returns:
        What went wrong, or None.
    """
    if seconds <= 0:
        return "timed out: no time was left for it"
    over = threading.Event()
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(  # noqa: S603 - our own options
            command, stdout=subprocess.PIPE, stderr=log, text=True, process_group=0, env=environment()
        )

        def stop() -> None:
            over.set()
            kill_group(process.pid)

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            for line in process.stdout:
                with contextlib.suppress(json.JSONDecodeError):  # the last line of a process that was killed
                    keep(json.loads(line))
            code = process.wait()
        finally:
            timer.cancel()
            kill_group(process.pid)
            process.wait()
        if code:
            log.seek(0)
            print(log.read()[-4000:], file=sys.stderr)
    if over.is_set():
        return f"timed out after {seconds:.0f} s"
    return f"failed: its process ended with {code}" if code else None


def environment() -> dict[str, str]:
    """Variables of a part's process, in which it can import the repository."""
    path = filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH")))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def kill_group(pid: int) -> None:
    """Ends a process and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def write(document: dict[str, Any], out: Path) -> None:
    """All at once: whoever reads the file finds the old document or the new one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(out.name + ".part")
    draft.write_text(json.dumps(document, indent=1) + "\n")
    draft.replace(out)


if __name__ == "__main__":
    main()
