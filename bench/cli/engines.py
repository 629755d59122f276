"""Which engine runs a plan, and what is refused before anything is loaded."""

import importlib.util
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.cli.command import INTERRUPTED, USAGE, fail, say
from bench.system.gate import shortened, whole

if TYPE_CHECKING:
    from bench.plan.options import Options
    from bench.run.runner import Runner

MOST_JOBS = 10_000
"""Jobs of Slurm at one time."""
PACKAGES = {"ray": "ray", "slurm": "submitit"}
"""Engine -> the package that it needs, in the extra of its own name."""
ENGINE_OPTIONS = ("--engine", "--workers", "--address", "--slurm", "--shard", "--device")


@dataclass(frozen=True)
class Engine:
    """Who computes: `name` is inline, ray or slurm; the other fields are options as they were given."""

    name: str = "inline"
    device: str = "cpu"
    workers: str = ""
    address: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def planned(self, options: "Options") -> "Options":
        """The options of this process; where others compute, it leaves the cards to them."""
        return options if self.name == "inline" else replace(options, device="cpu")

    def run(self, runner: "Runner") -> None:
        """Runs what a plan lacks."""
        if self.name == "inline":
            runner.run()
            return
        if self.name == "ray":
            from bench.run.engines.ray_actors import run_ray

            run_ray(runner, self.workers, self.device, self.address)
        else:
            from bench.run.engines.slurm_arrays import run_slurm

            at_once = int(self.workers) if self.workers else None
            run_slurm(runner, self.device, at_once, self.parameters)


def make_engine(
    name: str | None, workers: str, address: str, parameters: Sequence[str], options: "Options"
) -> Engine:
    """The engine that the command line asks for; exits where it cannot work here."""
    name = name or default_engine(workers, address, parameters)
    engine = Engine(name, options.device, workers, address, parse_parameters(parameters))
    refuse_strangers(engine)
    if name in PACKAGES and importlib.util.find_spec(PACKAGES[name]) is None:
        refuse_missing(engine, options)
    try:
        check_place(engine)
    except ValueError as error:
        fail(str(error), USAGE)
    return engine


def default_engine(workers: str, address: str, parameters: Sequence[str]) -> str:
    """The engine that the other options are about."""
    if parameters:
        return "slurm"
    return "ray" if workers or address else "inline"


def refuse_strangers(engine: Engine) -> None:
    """Exits where an option belongs to another engine."""
    given = {
        "--workers": (engine.workers, ("ray", "slurm")),
        "--address": (engine.address, ("ray",)),
        "--slurm": (engine.parameters, ("slurm",)),
    }
    for option, (value, engines) in given.items():
        if value and engine.name not in engines:
            fail(f"{option} is for --engine {' or '.join(engines)}, not {engine.name}", USAGE)


def check_place(engine: Engine) -> None:
    """Makes sure that the workers can be had, as far as this machine can tell.

    Raises:
        ValueError: they cannot.
        EngineError: nobody listens at the address of a cluster.
    """
    if engine.name == "ray" and engine.address:
        from bench.run.engines.devices import whole_number
        from bench.run.engines.ray_sessions import check_reach

        whole_number(engine.workers)
        check_reach(engine.address)
    elif engine.name == "ray":
        from bench.run.engines.devices import local_devices

        local_devices(engine.workers, engine.device)
    elif engine.name == "slurm" and engine.workers:
        try:
            whole(engine.workers, 1, MOST_JOBS)
        except ValueError as error:
            raise ValueError(f"--workers {shortened(engine.workers)}: jobs at one time: {error}") from None


def parse_parameters(given: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE, ... by name."""
    found = {}
    for text in given:
        name, _, value = text.lstrip("-").partition("=")
        if not name.replace("-", "").replace("_", "").isalnum():
            fail(f"--slurm {shortened(text)}: expected NAME=VALUE, as in partition=gpu", USAGE)
        found[name.replace("_", "-")] = value
    return found


def refuse_missing(engine: Engine, options: "Options") -> None:
    """Exits with the line that installs what an engine needs, and with what does the same without it."""
    asked = "--workers" if engine.name == "ray" and "--engine" not in sys.argv else f"--engine {engine.name}"
    package = f"diffusion-inverse-bench[{engine.name}]"
    if commands := shard_commands(engine, options, sys.argv[1:]):
        say("the same without it, each in a terminal of its own:")
        for command in commands:
            say(f"  {command}")
    fail(f"{asked} needs {PACKAGES[engine.name]}: pip install '{package}'", USAGE)


def shard_commands(engine: Engine, options: "Options", arguments: Sequence[str]) -> list[str]:
    """The commands that do together what workers on this machine would do."""
    if engine.name != "ray" or engine.address or not engine.workers:
        return []
    from bench.run.engines.devices import local_devices

    try:
        devices = local_devices(engine.workers, engine.device)
    except ValueError as error:
        fail(str(error), USAGE)
    plain, (i, n), k = without_engine(arguments), options.shard, len(devices)
    commands = []
    for j, device in enumerate(devices):
        own = ["--shard", f"{i + j * n}/{n * k}", "--device", device]
        commands.append(shlex.join(["python", "-m", "bench", *plain, *own]))
    return commands


def without_engine(arguments: Sequence[str]) -> list[str]:
    """A command line without the options that say where it runs."""
    kept, skip = [], False
    for argument in arguments:
        if not skip and argument.partition("=")[0] not in ENGINE_OPTIONS:
            kept.append(argument)
        skip = not skip and argument in ENGINE_OPTIONS
    return kept


def exit_code(stop: KeyboardInterrupt) -> int:
    """The exit code after an interruption, by Ctrl-C or by SIGTERM."""
    from bench.run.engines.stopping import TERMINATED, Terminated

    return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
