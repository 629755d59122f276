"""The parts of `benchmarks/gpu.py`: what is measured, one part a process.

    python benchmarks/gpu_parts.py PART --device cuda --seconds 60 --given gpu.json

A part prints a JSON object, a line each, for the machine, for every measurement, and for a status other than "ok".
"""

import argparse
import contextlib
import importlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.environment import (
    Clock,
    PeakMemory,
    commit,
    cores,
    device_name,
    full_precision,
    get_device,
    out_of_memory,
    release_memory,
    versions,
)

ROOT = Path(__file__).resolve().parents[1]
OPERATOR, SIGMA = "sr_average4", 0.05
CALLS = ("evaluation", "vjp")
AUTOCAST = {"float32": None, "tf32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
TESTS = ("devices", "network", "guidance", "adapters", "diffusers_kinds")
"""Files tests/test_*.py with tests of devices."""
TOY = {
    "image_size": 32,
    "channels": 3,
    "learn_sigma": True,
    "num_channels": 32,
    "channel_mult": [1, 1],
    "num_res_blocks": 1,
    "attention_resolutions": [16],
    "num_head_channels": 32,
    "use_scale_shift_norm": True,
    "resblock_updown": True,
}


class Skipped(Exception):
    """There is nothing to measure; says why."""


class Failed(Exception):
    """Everything was measured, and something is not as it should be."""


@dataclass(frozen=True)
class Setting:
    """How a network computes; the defaults are those of docs/reproduce_red_diff.md. ``tf32`` is no dtype of a run."""

    precision: str = "float16"
    channels_last: bool = True
    compiled: bool = False

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """True float32 as in a run, or TF32."""
        with full_precision():
            if self.precision == "tf32":  # what `full_precision` restores when it ends
                torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            yield


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    network: str = "ffhq256_uncond"
    """That of overhead, costs and compilation."""
    batches: tuple[int, ...] = (1, 4, 16)
    grid: int = 4
    """The batch of all settings."""
    largest: int = 256
    repeats: int = 5
    steps: int = 20
    turns: int = 3
    compiled: tuple[tuple[str, str], ...] = (
        ("ffhq256_uncond", "float16"),
        ("imagenet256_uncond", "float16"),
        ("ffhq256_uncond", "float32"),
    )
    backend: str = "inductor"
    tasks: tuple[str, ...] = ("sr_average4", "inpaint_box", "blur_gauss")
    rows: tuple[str, ...] = (
        "ddrm.steps=20", "red_diff.steps=100", "pigdm", "dps.steps=100", "ddnm", "diffpir", "daps", "mcg",
    )  # fmt: skip
    images: int = 3
    tests: tuple[str, ...] = ()
    """Options of pytest."""


TOY_SIZES = Sizes(
    network="toy",
    batches=(1, 2),
    grid=2,
    largest=4,
    repeats=2,
    steps=3,
    turns=1,
    compiled=(("toy", "float32"),),
    backend="aot_eager",
    tasks=("sr_average4",),
    rows=("pinv",),
    images=1,
    tests=("-k", "wholly_on_their_device and (grey or hdr) or waited_for"),
)


@dataclass(frozen=True)
class Job:
    """What a part is given."""

    device: torch.device
    sizes: Sizes
    deadline: float
    """Of `time.monotonic`; a part ends by itself before it is killed."""
    given: dict[str, Any]
    """The document with what earlier parts measured."""
    emit: Callable[..., None]

    def left(self) -> float:
        """Seconds."""
        return self.deadline - time.monotonic()

    def attempt(self, about: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> bool:
        """Emits what was measured, or why it could not be; whether it could. Other measurements go on."""
        if self.left() <= 0:
            self.emit(**about, error="no time left")
            return False
        try:
            found = measure()
        except Exception as error:  # noqa: BLE001 - a kernel, a compiler and a solver may raise anything
            found = {"error": "out of memory" if out_of_memory(error) else reason(error)}
        if "error" in found:
            release_memory(self.device)
        self.emit(**about, **found)
        return "error" not in found


@dataclass
class Subject:
    """A network under measurement, at one size of its images."""

    name: str
    network: torch.nn.Module
    side: int

    def prior(self, setting: Setting) -> Any:
        """A `NetworkPrior` over the network, whose weights are laid out as the setting says."""
        from bench.prior import NetworkPrior

        shape = (3, self.side, self.side)
        prior = NetworkPrior(self.network, shape, autocast=AUTOCAST[setting.precision])
        if not setting.channels_last:
            for parameter in self.network.parameters():
                parameter.data = parameter.data.contiguous()
        return prior


def subject(job: Job, name: str, side: int | None = None) -> Subject:
    """A network of a card with random weights; those of the toy are made up too."""
    from full_size import random_network

    from bench.priors import read_card

    architecture = TOY if name == "toy" else read_card(name)[0].architecture.model_dump(exclude_unset=True)
    with job.device:
        network = random_network(architecture)
    return Subject(name, network, side or architecture["image_size"])


# Part 2: the networks


def measure_network(job: Job, name: str) -> None:
    """Batches at the default setting, all settings at one batch, and the largest batch that fits.

    The images are of half the size where not even one fits.
    """
    name = job.sizes.network if name == "ffhq256_uncond" else name
    network = subject(job, name)
    first, *more = job.sizes.batches
    if not measure_calls(job, network, first, Setting()):
        network.side //= 2
        measure_calls(job, network, first, Setting())
    for batch in more:
        measure_calls(job, network, batch, Setting())
    for precision in AUTOCAST:
        for layout in (True, False):
            setting = Setting(precision, layout)
            if setting != Setting() or job.sizes.grid not in job.sizes.batches:
                measure_calls(job, network, job.sizes.grid, setting)
    measure_largest(job, network)


def measure_largest(job: Job, network: Subject) -> None:
    """Doubles the batch until neither call fits, the cap is reached, or the next one would take too long."""
    batch, calls, spent = job.sizes.batches[-1], CALLS, 0.0
    while calls and 2 * batch <= job.sizes.largest:
        batch *= 2
        if 2.5 * spent > job.left():
            job.emit(network=network.name, batch=batch, error="no time left")
            return
        start = time.monotonic()
        calls = measure_calls(job, network, batch, Setting(), repeats=1, calls=calls)
        spent = time.monotonic() - start


def measure_calls(
    job: Job,
    network: Subject,
    batch: int,
    setting: Setting,
    repeats: int | None = None,
    calls: tuple[str, ...] = CALLS,
) -> tuple[str, ...]:
    """Emits a row for each call; those that could be measured."""
    about = {"network": network.name, "side": network.side, "batch": batch, **asdict(setting)}
    prior, repeats = network.prior(setting), repeats or job.sizes.repeats
    if setting.compiled:
        prior.compile(job.sizes.backend)
    done = []
    for call in calls:
        with setting.active():
            if job.attempt({**about, "call": call}, partial(time_call, prior, batch, call, repeats)):
                done.append(call)
    return tuple(done)


def time_call(prior: Any, batch: int, call: str, repeats: int) -> dict[str, float]:
    """Medians over calls at a middle level.

    Returns:
        ``ms`` of the whole call, ``backward_ms`` of the pullback within it, ``first_s`` of a first call that does not
        count, compilation and choice of kernels included, and ``gb``, the peak (see `bench.environment.PeakMemory`).
    """
    x = torch.randn(batch, *prior.shape, device=prior.device)
    level = prior.schedule.level(prior.schedule.T // 2)
    once = {"evaluation": time_evaluation, "vjp": time_vjp}[call]
    memory = PeakMemory(prior.device)
    memory.start()
    first = once(prior, x, level)["ms"] / 1e3
    turns = [once(prior, x, level) for _ in range(repeats)]
    found = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
    peak = memory.read()
    return {**found, "first_s": first, "gb": None if peak is None else peak / 1e3}


def time_evaluation(prior: Any, x: torch.Tensor, level: Any) -> dict[str, float]:
    """E[x0 | x] without a graph."""
    clock = Clock(prior.device)
    clock.start()
    prior.denoise(x, level)
    clock.stop()
    return {"ms": 1e3 * clock.seconds}


def time_vjp(prior: Any, x: torch.Tensor, level: Any) -> dict[str, float]:
    """E[x0 | x] with its graph, and one pullback."""
    forward, backward = Clock(prior.device), Clock(prior.device)
    forward.start()
    _, pull = prior.vjp(x, level)
    forward.stop()
    backward.start()
    pull(x)
    backward.stop()
    return {"ms": 1e3 * (forward.seconds + backward.seconds), "backward_ms": 1e3 * backward.seconds}


def measure_compiled(job: Job) -> None:
    """Compiled networks at one batch; ``first_s`` is mostly compilation. A compiler cannot be stopped: hence a part."""
    for name, precision in job.sizes.compiled:
        network = subject(job, name)
        measure_calls(job, network, job.sizes.grid, Setting(precision, compiled=True))
        torch.compiler.reset()
        del network
        release_memory(job.device)


# Part 3: the harness beside bare calls


def measure_overhead(job: Job) -> None:
    """Whole solves through `bench.solving.solve` and the same number of bare calls of the network, in turns.

    Unlike `overhead.py`, which waits for the device around each call, bare calls are queued: only so it is seen what a
    solver costs that lets a GPU run dry.
    """
    network = subject(job, job.sizes.network)
    prior = network.prior(Setting())
    for batch in (1, job.sizes.grid):
        for name in ("red_diff", "dps", "ddrm"):
            about = {"network": network.name, "side": network.side, "solver": name, "batch": batch, **asdict(Setting())}
            with Setting().active():
                job.attempt({**about, "steps": job.sizes.steps}, partial(compare_overhead, job, prior, name, batch))


def compare_overhead(job: Job, prior: Any, name: str, batch: int) -> dict[str, float]:
    """Milliseconds a step: ``whole`` by the wall clock, noise included; ``record`` as a record keeps them; ``bare``."""
    solver = usual(name, "toy", steps=job.sizes.steps)
    solve_once(replace(solver, steps=2), prior, batch)
    turns = []
    for _ in range(job.sizes.turns):
        clock = Clock(prior.device)
        clock.start()
        outcome = solve_once(solver, prior, batch)
        clock.stop()
        bare = time_bare(prior, batch, outcome.nfe, outcome.vjps > 0)
        turns.append((clock.seconds, outcome.seconds * batch, bare))
    whole, record, bare = (1e3 * statistics.median(column) / job.sizes.steps for column in zip(*turns, strict=True))
    ratios = {"whole_ratio": whole / bare, "record_ratio": record / bare}
    return {"whole_ms": whole, "record_ms": record, "bare_ms": bare, **ratios}


def time_bare(prior: Any, batch: int, calls: int, gradient: bool) -> float:
    """Seconds of calls of the network itself, by `torch.autograd.grad` where a gradient is asked for."""
    x = torch.randn(batch, *prior.shape, device=prior.device, requires_grad=gradient)
    index = torch.full((1,), 500.0, device=prior.device)
    clock = Clock(prior.device)
    clock.start()
    for _ in range(calls):
        lower = prior.autocast or torch.bfloat16
        with torch.autocast(prior.device.type, lower, enabled=prior.autocast is not None), torch.set_grad_enabled(gradient):
            out = prior.network(x, index)
        if gradient:
            torch.autograd.grad(out, x, torch.ones_like(out))
    clock.stop()
    return clock.seconds


def usual(name: str, network: str, **changes: Any) -> Any:
    """A solver with its `official` preset for a network."""
    from bench.suites.presets import resolve
    from solvers import SOLVERS

    return replace(SOLVERS[name](**resolve(name, "official", network, OPERATOR, OPERATOR)[1]), **changes)


def solve_once(solver: Any, prior: Any, batch: int) -> Any:
    """The outcome of a made-up measurement through the harness."""
    from bench.noise import StreamNoise
    from bench.operators import make_operator
    from bench.solver import Measurement
    from bench.solving import solve

    A = make_operator(OPERATOR, prior.shape, range(batch)).to(prior.device, prior.dtype)
    noise = StreamNoise(range(batch), prior.dtype, prior.device)
    Ax = A(noise.uniform(prior.shape) * 2 - 1)
    return solve(solver, Measurement(Ax + SIGMA * noise.like(Ax), A, SIGMA), prior, noise)


# Part 5: the cost of every solver


def measure_costs(job: Job) -> None:
    """Seconds and memory of every solver at its usual evaluations, computed from part 2, and two of them checked."""
    from solvers import SOLVERS

    measured = [row for row in earlier(job) if "ms" in row]
    if not measured:
        raise Skipped("the networks were not measured")
    for name, cls in SOLVERS.items():
        if not cls.baseline:
            for network in dict.fromkeys(row["network"] for row in measured):
                compute_costs(job, name, network, measured)
    check_costs(job, measured)


def earlier(job: Job) -> list[dict[str, Any]]:
    """The rows of part 2."""
    parts = (job.given["parts"].get(name, {}) for name in ("ffhq256_uncond", "imagenet256_uncond"))
    return [row for part in parts for row in part.get("measurements", [])]


def compute_costs(job: Job, name: str, network: str, measured: list[dict[str, Any]]) -> None:
    """A row for each precision in which the network was measured; operators, noise and metrics are not in it."""
    solver = usual(name, network)
    share = gradient_share(solver)
    for precision in AUTOCAST:
        cost = predict(measured, network, precision, job.sizes.grid, solver.steps, share)
        if cost is not None:
            vjps = round(share * solver.steps)
            about = {"kind": "computed", "solver": name, "network": network, "precision": precision}
            job.emit(**about, batch=job.sizes.grid, nfe=solver.steps, vjps=vjps, **cost)


def gradient_share(solver: Any) -> float:
    """Which share of its evaluations a solver pulls back through, counted on a network of one pixel's size."""
    from bench.prior import NetworkPrior

    outcome = solve_once(replace(solver, steps=2), NetworkPrior(Pointwise(), (3, 16, 16)), 1)
    return outcome.vjps / outcome.nfe


class Pointwise(torch.nn.Conv2d):
    """A network that costs nothing: each pixel's noise is a mixture of its colours."""

    def __init__(self) -> None:
        super().__init__(3, 3, 1)

    def forward(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


def predict(
    measured: list[dict[str, Any]], network: str, precision: str, batch: int, steps: int, share: float
) -> dict[str, Any] | None:
    """Seconds per image, GB at a batch and GB that one image more takes; None where a call was not measured."""
    like = asdict(Setting(precision)) | {"network": network}
    rows = [row for row in measured if all(row[key] == value for key, value in like.items())]
    at = {row["call"]: row for row in rows if row["batch"] == batch}
    wanted = "vjp" if share else "evaluation"
    if wanted not in at or (share < 1 and "evaluation" not in at):
        return None
    ms = share * at["vjp"]["ms"] if share else 0.0
    ms += (1 - share) * at["evaluation"]["ms"] if share < 1 else 0.0
    size = {"gb": at[wanted]["gb"], "gb_per_image": slope([row for row in rows if row["call"] == wanted])}
    return {"side": at[wanted]["side"], "seconds_per_image": steps * ms / batch / 1e3, **size}


def slope(rows: list[dict[str, Any]]) -> float | None:
    """GB per image between the smallest and the largest batch; None where only one was measured."""
    ends = sorted((row["batch"], row["gb"]) for row in rows if row["gb"] is not None)
    if not ends or ends[0][0] == ends[-1][0]:
        return None
    return (ends[-1][1] - ends[0][1]) / (ends[-1][0] - ends[0][0])


def check_costs(job: Job, measured: list[dict[str, Any]]) -> None:
    """Runs a solver without and one with a gradient of the network, and puts what was computed beside it."""
    steps, batch, name = job.sizes.steps, job.sizes.grid, job.sizes.network
    side = next((row["side"] for row in measured if row["network"] == name), None)
    if side is None:
        return
    prior = subject(job, name, side).prior(Setting())
    for solver_name in ("ddrm", "dps"):
        solver = usual(solver_name, name, steps=steps)
        computed = predict(measured, name, Setting().precision, batch, steps, gradient_share(solver))
        about = {"kind": "checked", "solver": solver_name, "network": name, "side": side, "batch": batch, "steps": steps}
        if computed is None:
            job.emit(**about, error="its calls were not measured")
            continue
        with Setting().active():
            job.attempt({**about, **asdict(Setting())}, partial(check_cost, solver, prior, batch, computed))


def check_cost(solver: Any, prior: Any, batch: int, computed: dict[str, Any]) -> dict[str, Any]:
    """Seconds and memory of a solve as a record keeps them, after a short one that does not count."""
    solve_once(replace(solver, steps=2), prior, batch)
    outcome = solve_once(solver, prior, batch)
    peak = outcome.peak_memory_mb
    return {
        "computed_seconds": computed["seconds_per_image"],
        "measured_seconds": outcome.seconds,
        "ratio": outcome.seconds / computed["seconds_per_image"],
        "computed_gb": computed["gb"],
        "measured_gb": None if peak is None else peak / 1e3,
    }


# Part 4: records of a CPU, made again


def measure_verify(job: Job) -> None:
    """Some rows of results/reference/linear through `python -m bench verify`; without LPIPS where its weights lack."""
    for package in ("click", "pydantic", "yaml", "PIL", "azula"):
        importlib.import_module(package)
    tasks = [option for task in job.sizes.tasks for option in ("--task", task)]
    rows = [option for row in job.sizes.rows for option in ("--solver", row)]
    options = ["--images", str(job.sizes.images), "--device", str(job.device), "--progress", "plain"]
    command = [sys.executable, "-m", "bench", "verify", "results/reference/linear", *tasks, *rows, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)  # noqa: S603
    print(done.stdout)
    found = verified(done.stdout)
    for row in found:
        job.emit(**row)
    lost = [row for row in found if not row["reproduced"]]
    if not found:
        raise Failed(f"verify compared nothing and ended with {done.returncode}")
    if lost:
        names = ", ".join(f"{row['task']} {row['label']}" for row in lost)
        raise Failed(f"{len(lost)} of {len(found)} rows were not reproduced: {names}")


def verified(text: str) -> Iterator[dict[str, Any]] | list[dict[str, Any]]:
    """The rows of the table that `verify` prints.

    A row of which only metrics lack whose networks are not there is reproduced by the metrics that are.
    """
    from bench.verify import unit

    metrics = re.findall(r"(\w+) median, max", text)
    found = []
    for line in text.splitlines():
        row = re.match(r"(\S+) +(\S+) +(\d+) +(.*?)  (reproduced|differs)(?:: ([^:]*?))?(?:, other code)?$", line)
        if row is None:
            continue
        task, label, images, gaps, verdict, changed = row.groups()
        medians = {name: float(gap) for name, gap in zip(metrics, read_medians(gaps), strict=True) if gap != "-"}
        near = all(gap <= unit(name.lower()) for name, gap in medians.items())
        lacking = changed is not None and all(part.startswith("no ") for part in changed.split(", "))
        about = {"task": task, "label": label, "images": int(images), "medians": medians, "changed": changed}
        found.append({**about, "reproduced": verdict == "reproduced" or (lacking and near)})
    return found


def read_medians(gaps: str) -> list[str]:
    """The first number of each pair; a metric that is not there is one dash."""
    words, medians = gaps.split(), []
    while words:
        medians.append(words[0])
        words = words[1 if words[0] == "-" else 2 :]
    return medians


# Part 1: the tests of devices


def measure_tests(job: Job) -> None:
    """The tests that take a device, on this one; a row each."""
    import pytest

    os.environ["BENCH_TEST_DEVICE"] = str(job.device)
    files = [str(next((ROOT / "tests").rglob(f"test_{name}.py"))) for name in TESTS]
    outcomes = Outcomes(job.emit)
    options = ["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", *job.sizes.tests]
    code = pytest.main([*files, *options], plugins=[outcomes])
    if outcomes.failed or code:
        raise Failed(f"{len(outcomes.failed)} tests did not pass, pytest ended with {int(code)}")


class Outcomes:
    """A plugin of pytest: leaves the tests that take no device out, and emits the others' outcomes as they come."""

    def __init__(self, emit: Callable[..., None]) -> None:
        self.emit, self.failed = emit, []

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Hook."""
        kept = [item for item in items if item.path.stem == "test_devices" or "device" in item.fixturenames]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Hook."""
        if report.when != "call" and report.outcome == "passed":
            return
        name = report.nodeid.removeprefix("tests/")
        if report.outcome == "failed":
            self.failed.append(name)
        self.emit(test=name, outcome=report.outcome, seconds=round(report.duration, 3))


# The process


PARTS: dict[str, Callable[[Job], None]] = {
    "ffhq256_uncond": partial(measure_network, name="ffhq256_uncond"),
    "imagenet256_uncond": partial(measure_network, name="imagenet256_uncond"),
    "overhead": measure_overhead,
    "costs": measure_costs,
    "verify": measure_verify,
    "tests": measure_tests,
    "compiled": measure_compiled,
}


def main() -> None:
    """Measures one part; leaves with 1 where it failed."""
    start = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--device", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--given", type=Path, required=True)
    parser.add_argument("--toy", action="store_true")
    args = parser.parse_args()
    emit = emitter()
    try:
        device = get_device(args.device)
        emit(machine=machine(device), commit=commit())
        sizes = TOY_SIZES if args.toy else Sizes()
        job = Job(device, sizes, start + 0.9 * args.seconds, json.loads(args.given.read_text()), emit)
        PARTS[args.part](job)
    except Skipped as error:
        emit(status=f"skipped: {error}")
    except Failed as error:
        emit(status=f"failed: {error}")
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other parts go on
        lacking = missing_package(error)
        emit(status=f"skipped: package '{lacking}' is not installed" if lacking else f"failed: {reason(error)}")
        traceback.print_exc()
        sys.exit(0 if lacking else 1)


def emitter() -> Callable[..., None]:
    """Prints keywords as a JSON object where the parent reads; all other output goes to stderr from now on."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def emit(**row: Any) -> None:
        print(json.dumps(row), file=channel, flush=True)

    return emit


def machine(device: torch.device) -> dict[str, Any]:
    """What the numbers belong to."""
    found = {"device": device_name(device), "cores": cores(), "cuda": torch.version.cuda, "versions": versions()}
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory / 1e9
        found |= {"memory_gb": memory, "cudnn": torch.backends.cudnn.version(), "driver": driver()}
    return found


def driver() -> str | None:
    """Version of NVIDIA's driver; None where nvidia-smi does not tell."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)  # noqa: S603
        return done.stdout.split()[0]
    return None


def missing_package(error: Exception) -> str | None:
    """Name of a package that is not of this repository and could not be imported."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return name if name and not (ROOT / name).exists() else None


def reason(error: BaseException) -> str:
    """One line, without the place of this repository."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}".replace(f"{ROOT}{os.sep}", "")[:300]


if __name__ == "__main__":
    main()
