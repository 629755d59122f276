"""One batch through one solver: the only place where a solver runs, is watched and is timed."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bench.batch import Images, Tally
from bench.noise import DrawnAhead, Noise, StreamNoise
from bench.prior import CountingPrior, Prior
from bench.solver import Measurement, Solver, Step, state_shape
from bench.system.clock import Clock, PeakMemory


class ContractViolation(RuntimeError):
    """Says that a solver does not do what `Solver.solve` promises."""


class SolverTimeout(RuntimeError):
    """Says that a solver took longer than its limit."""


@dataclass(frozen=True)
class Outcome:
    """The result of a solver on a batch of B images, and what it cost.

    Attributes:
        x: (B, *shape) float64 on the CPU; (B, P, *shape) for a solver with P particles.
        diverged: for each image the step, from 1, at which it was first not finite, or None.
        steps: the number of steps made.
        nfe, vjps, operator_calls: (B,), of each image.
        seconds: of the device's work in the solver alone, per image.
        notes: name -> (B,), what the solver's steps noted, summed.
        curves: of each image, as of `bench.run.steps.trajectory.Watch`; mostly empty.
    """

    x: Tensor
    diverged: list[int | None]
    steps: int
    nfe: np.ndarray
    vjps: np.ndarray
    operator_calls: np.ndarray
    seconds: float
    peak_memory_mb: float | None
    notes: Mapping[str, np.ndarray] = field(default_factory=dict)
    curves: Sequence[Mapping[str, np.ndarray]] = ()


class _UntimedNoise(Noise):
    """Stops the clock while noise is drawn: a solver does not pay for the reproducibility of its numbers."""

    def __init__(self, noise: Noise, clock: Clock) -> None:
        self.noise, self.clock = noise, clock

    def __len__(self) -> int:
        return len(self.noise)

    def __getitem__(self, images: Images) -> Noise:
        return _UntimedNoise(self.noise[images], self.clock)

    def new(self, shape: Sequence[int]) -> Tensor:
        with self.clock.paused():
            return self.noise.new(shape)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        with self.clock.paused():
            return self.noise.uniform(shape)


def solve(
    solver: Solver,
    measurement: Measurement,
    prior: Prior,
    noise: Noise,
    limit: float | None = None,
    on_step: Callable[[int], object] = lambda _: None,
    memory: PeakMemory | None = None,
    watch: Callable[[Tensor, Tally], object] = lambda *_: None,
) -> Outcome:
    """Consumes a solver. The clock stands still while noise is drawn and steps are checked or shown.

    A GPU is not waited for between steps. What is known of its work there, the seconds and whether images are
    lost, is some steps old.

    Args:
        measurement: already in the prior's dtype and on its device.
        limit: seconds per image, checked between steps.
        memory: is read at the end; it was started before. Without it the peak stays unknown.
        watch: is shown the estimate x0 after every step, and what network calls were made so far.

    Raises:
        ContractViolation: no step, or one of another type or shape.
        SolverTimeout: the limit is passed.
        Exception: whatever the solver raises.
    """
    y, A, _ = measurement
    n = len(y)
    calls, operator_calls = Tally(n), Tally(n)
    notes: dict[str, Tensor] = {}
    clock, finite = Clock(prior.device), Finiteness(n)

    def seen(k: int, step: Step) -> None:
        on_step(k)
        watch(step.x0, calls)

    clock.start()
    counted = Measurement(y, A.counting(operator_calls), noise=measurement.noise)
    with drawn_ahead(noise, prior.device, clock) as untimed:
        steps = solver.solve(counted, CountingPrior(prior, calls), untimed)
        shape = state_shape(solver, n, prior.shape)
        k, x = _last_state(steps, shape, clock, finite, notes, limit, seen)
    if x is None:
        raise ContractViolation(f"{type(solver).__name__}.solve yielded nothing")
    return Outcome(
        x=x.detach().to("cpu", torch.float64, copy=True),
        diverged=finite.lost_at,
        steps=k,
        nfe=calls["nfe"],
        vjps=calls["vjps"],
        operator_calls=operator_calls.total(),
        seconds=clock.seconds / n,
        peak_memory_mb=None if memory is None else memory.read(),
        notes={name: total.cpu().numpy() for name, total in notes.items()},
    )


def _last_state(
    steps: Iterator[Step],
    shape: tuple[int, ...],
    clock: Clock,
    finite: "Finiteness",
    notes: dict[str, Tensor],
    limit: float | None,
    seen: Callable[[int, Step], object],
) -> tuple[int, Tensor | None]:
    """The number of steps that a solver makes, and the last state; its clock is running."""
    k, x = 0, None
    for k, step in enumerate(steps, 1):
        clock.stop()
        require_step(step, shape)
        x = step.x
        for name, values in step.notes.items():
            noted = values.detach().double()
            notes[name] = notes[name] + noted if name in notes else noted
        seen(k, step)
        if finite.all_lost(x, k):
            break
        if limit is not None and clock.known_seconds > limit * shape[0]:
            raise SolverTimeout(f"more than {limit:g} s per image, after {k} steps")
        clock.start()
    else:
        clock.stop()
    return k, x


def first_particle(solver: Solver, x: Tensor) -> Tensor:
    """A solver's state as one reconstruction per image, (B, *shape)."""
    return x[:, 0] if hasattr(solver, "particles") else x


def drawn_ahead(noise: Noise, device: torch.device, clock: Clock) -> contextlib.AbstractContextManager[Noise]:
    """The same noise, drawn on the CPU ahead of its use, in a thread where another device works meanwhile.

    The clock stands still for it.
    """
    if not isinstance(noise, StreamNoise):
        return contextlib.nullcontext(_UntimedNoise(noise, clock))
    return DrawnAhead(noise, device.type != "cpu", clock.paused)


class _Taste(CountingPrior):
    """Ends a solver at its third network call: more than a step, unless the solver is of high order."""

    def __init__(self, prior: Prior, images: int) -> None:
        super().__init__(prior, Tally(images))
        self.asked = [0]
        """In a list, so that slices of this prior share it."""

    def count(self, kind: str, x: Tensor) -> None:
        if kind == "nfe":
            self._last()
        super().count(kind, x)

    def _last(self) -> None:
        self.asked[0] += 1
        if self.asked[0] > 2:
            raise Enough


class Enough(Exception):
    """Ends a warm-up."""


class Finiteness:
    """Remembers at which step each image of a batch was first not finite."""

    def __init__(self, n: int) -> None:
        self._lost_at: list[int | None] = [None] * n
        self._asked: list[tuple[int, Tensor, torch.cuda.Event]] = []
        """Steps of which a GPU has yet to say which images are finite."""

    @property
    def lost_at(self) -> list[int | None]:
        """For each image that step or None; waits for the device."""
        for k, kept, answered in self._asked:
            answered.synchronize()
            self._note(k, kept)
        self._asked = []
        return self._lost_at

    def all_lost(self, x: Tensor, k: int) -> bool:
        """Looks at the state of step k, (B, ...), and tells whether no image is known to be left."""
        if x.device.type == "cuda":
            self._ask(x, k)
        elif not math.isfinite(x.sum().item()):
            self._note(k, torch.isfinite(x).flatten(1).all(1))
        return None not in self._lost_at

    def _ask(self, x: Tensor, k: int) -> None:
        """Has a GPU look when it comes to it, and notes what it has answered about earlier steps."""
        while self._asked and self._asked[0][2].query():
            step, kept, _ = self._asked.pop(0)
            self._note(step, kept)
        kept = torch.isfinite(x).flatten(1).all(1)
        answer = torch.empty(kept.shape, dtype=kept.dtype, pin_memory=True)
        answer.copy_(kept, non_blocking=True)
        answered = torch.cuda.Event()
        answered.record(torch.cuda.current_stream(x.device))
        self._asked.append((k, answer, answered))

    def _note(self, k: int, kept: Tensor) -> None:
        for i, ok in enumerate(kept.tolist()):
            if not ok and self._lost_at[i] is None:
                self._lost_at[i] = k


def require_step(step: Step, shape: tuple[int, ...]) -> None:
    """Checks that a solver yielded a Step with a real state of the right shape, and notes per image.

    Raises:
        ContractViolation: otherwise.
    """
    if not isinstance(step, Step):
        raise ContractViolation(f"solve yielded {type(step).__name__}; expected bench.solver.Step(x, x0)")
    if tuple(step.x.shape) != shape:
        raise ContractViolation(f"solve yielded x of shape {tuple(step.x.shape)}; expected {shape}")
    for name, values in step.notes.items():
        if not isinstance(values, Tensor) or tuple(values.shape) != shape[:1]:
            what = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
            raise ContractViolation(f"solve noted '{name}' with {what}; expected a tensor (B,) = {shape[:1]}")
    if not step.x.is_floating_point():
        hint = "; an image is real: A.adjoint, A.pinv and the pullback of A.vjp give it from a complex y"
        raise ContractViolation(
            f"solve yielded x in {step.x.dtype}; expected real floating numbers"
            f"{hint if step.x.is_complex() else ''}"
        )


def warm_up(solver: Solver, measurement: Measurement, prior: Prior, noise: Noise) -> None:
    """Makes one step that does not count: no solver pays for lazy imports, kernel choice or allocators.

    A solver that does not yield so soon gets two network calls. What goes wrong here goes wrong again, and is
    recorded, where it counts.
    """
    with contextlib.suppress(Exception, SystemExit):
        next(iter(solver.solve(measurement, _Taste(prior, len(measurement.y)), noise)), None)
