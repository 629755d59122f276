"""A Slurm cluster on this host, from Debian's packages: installs, starts, uses and stops it.

    make cluster

On it, a run of 64 images goes through job arrays while one of its jobs is requeued; a partition that there is
not is refused. All daemons run in the foreground as children of this process, with their files in a folder
that is thrown away, and no daemon of the host is touched. It must be started by root, on Debian or Ubuntu.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.records.journal import History
from bench.records.lines import BriefReader
from bench.records.record import Brief
from bench.system.device import cores

PACKAGES = ("munge", "slurm-client", "slurmctld", "slurmd")
CONF = """
ClusterName=bench
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={controller}
SlurmdPort={node}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
NodeName={host} NodeHostname={host} CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
SOLVER = '''
import time
from dataclasses import dataclass

from solvers.pinv import Pinv


@dataclass(frozen=True)
class Slow(Pinv):
    """A+ y after a second."""

    def solve(self, measurement, prior, noise):
        time.sleep(1.0)
        yield from super().solve(measurement, prior, noise)
'''
IMAGES = 64
SECONDS = 300.0
"""For which anything is waited."""


def main() -> None:
    """Runs all, and exits with 1 where something is not as it should be."""
    sys.stdout.reconfigure(line_buffering=True)
    if os.geteuid() != 0:
        sys.exit("make cluster: the daemons of Slurm need root")
    install()
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder)):
        show("sinfo", "--long")
        refuse_partition(Path(folder))
        sys.exit(not run_with_requeue(Path(folder)))


def install() -> None:
    """Installs what is missing of Slurm."""
    if not all(map(shutil.which, ("munged", "sbatch", "slurmctld", "slurmd"))):
        subprocess.run(["apt-get", "update", "--quiet"], check=True)
        subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES], check=True)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Slurm inside; its daemons end at the end, and what they logged is shown where they did not come up."""
    host = socket.gethostname().partition(".")[0]
    ports = {"controller": free_port(), "node": free_port()}
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(folder=folder, host=host, cpus=cores(), **ports))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    for private in (folder, key):
        private.chmod(0o700 if private.is_dir() else 0o400)
    os.environ["SLURM_CONF"] = str(conf)
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    munge += [f"--socket={folder}/munge.socket", "--foreground", "--force"]
    since = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.enter_context(daemon(folder, "munged", *munge))
        wait_for(lambda: (folder / "munge.socket").exists(), "munged")
        stack.enter_context(daemon(folder, "slurmctld", "-D", "-f", str(conf)))
        stack.enter_context(daemon(folder, "slurmd", "-D", "-f", str(conf), "-N", host))
        try:
            wait_for(lambda: "idle" in output("sinfo", "--noheader", "--format=%T"), "slurmd")
        except TimeoutError:
            for log in folder.glob("*.log"):
                print(log.name, log.read_text()[-3000:], sep="\n")
            raise
        print(f"Slurm is up after {time.monotonic() - since:.1f} s")
        yield
    print("Slurm is down")


@contextlib.contextmanager
def daemon(folder: Path, *command: str) -> Iterator[None]:
    """A process that ends at the end; what it prints goes into a file."""
    with (folder / f"{command[0]}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(done: Callable[[], bool], what: str) -> None:
    """Looks every now and then until ``done`` says so.

    Raises:
        TimeoutError: it did not in `SECONDS`.
    """
    end = time.monotonic() + SECONDS
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come in {SECONDS:.0f} s")
        time.sleep(0.2)


def output(*command: str) -> str:
    """What a command prints; nothing where it fails."""
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def show(*command: str) -> None:
    """Prints a command and what it prints."""
    print("$", *command)
    print(output(*command))


def bench(folder: Path, *options: str) -> list[str]:
    """The command of a run."""
    (folder / "slow.py").write_text(SOLVER)
    start = [sys.executable, "-m", "bench", "run", "--suite", "demo", "--task", "inpaint_box"]
    start += ["--solver", f"{folder}/slow.py:Slow", "--images", str(IMAGES), "--batch", "2"]
    start += ["--engine", "slurm", "--workers", "2", "--progress", "plain", "--no-report"]
    return [*start, "--out", str(folder / "run"), *options]


def attempts(folder: Path) -> list[Brief]:
    """All records of the run."""
    return History(folder / "run", BriefReader()).attempts


def refuse_partition(folder: Path) -> None:
    """A partition that there is not ends in a line and an exit code."""
    done = subprocess.run(
        bench(folder, "--slurm", "partition=nowhere"), check=False, capture_output=True, text=True
    )
    print(f"wrong partition: exit code {done.returncode}: {done.stderr.splitlines()[-1]}")


def run_with_requeue(folder: Path) -> bool:
    """Runs, and requeues a job that has begun to record; whether every image is there once."""
    since = time.monotonic()
    driver = subprocess.Popen(bench(folder, "--slurm", "partition=main"))
    wait_for(lambda: driver.poll() is not None or len(attempts(folder)) > 4, "a record")
    running = output("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i").split()
    show("squeue", "--array")
    show("scontrol", "requeue", running[0])
    state = ("squeue", "--noheader", f"--jobs={running[0]}", "--format=%T")
    wait_for(lambda: "PENDING" in output(*state), "the requeued job")
    show("squeue", "--array", "--format=%i %T %r %S", f"--jobs={running[0]}")
    show("scontrol", "update", f"jobid={running[0]}", "starttime=now")
    code = driver.wait()
    times = Counter(record.key for record in attempts(folder))
    twice = sum(n > 1 for n in times.values())
    print(
        f"exit code {code}; {len(times)} of {IMAGES} images, {twice} twice, {time.monotonic() - since:.0f} s"
    )
    show("scontrol", "show", "job", running[0], "--oneliner")
    for path in (folder / "run" / "slurm").glob(f"{running[0]}_*.out"):
        print(path.name, path.read_text(), sep="\n")
    return code == 0 and len(times) == IMAGES and not twice


if __name__ == "__main__":
    main()
