"""Measures which way of calling a network is fastest here, and takes it where it gains enough."""

import os
import statistics
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.priors.fast.ways import CALLS, LOWER, FastCall, Way
from bench.priors.unet import lay_out
from bench.system.cache import cache_dir
from bench.system.clock import Clock
from bench.system.device import release_memory

LEAST = 1.1
"""Gain below which a call is left as it is."""
WORTH = 1.03
"""Gain over the best way so far below which compilation, or another layout, is not taken."""
FAR = 0.05
"""Relative distance, in the 2-norm, from the ordinary result beyond which a way counts as wrong."""
TURNS = 5
HOPELESS = 0.6
"""Gain in the first turn below which a way is not measured further."""
Given = tuple[Tensor, ...]


class SurveyResult(NamedTuple):
    """What the probe found for one call.

    Attributes:
        call: one of `bench.priors.fast.ways.CALLS`.
        ms: milliseconds of the ordinary call.
        gain: of the fastest way, a factor.
        way: that way, or None where it gains less than `LEAST`.
        compilation: seconds; None where nothing could be compiled.
    """

    call: str
    ms: float
    gain: float
    way: Way | None
    compilation: float | None

    def __str__(self) -> str:
        compiled = "" if self.compilation is None else f"; compilation took {self.compilation:.1f} s"
        if self.way is None:
            return f"{self.call}: at best {self.gain:.2f} times as fast, so nothing is changed{compiled}"
        how = " and ".join(self.way.words)
        times = f"{self.ms:.1f} ms become {self.ms / self.gain:.1f} ms ({self.gain:.2f} times as fast)"
        return f"{self.call}: {times}: {how}{compiled}"


@dataclass(slots=True)
class Fast:
    """The chosen ways. A slotted class: nobody who walks through a prior takes what it holds for weights.

    Attributes:
        found: what the probe found of each call that can be made here.
        calls: by the name of the call, for those that gain.
        channels_last: whether the network's kernels were put into that order.
    """

    found: list[SurveyResult] = field(default_factory=list)
    calls: dict[str, FastCall] = field(default_factory=dict)
    channels_last: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What is done, for records, as in "evaluation compiled"."""
        layout = ("channels_last",) if self.channels_last else ()
        return layout + tuple(f"{call} {word}" for call, fast in self.calls.items() for word in fast.words)

    @property
    def lower(self) -> torch.dtype | None:
        """The precision under which gradients are made, where it is a lower one."""
        fast = self.calls.get("vjp")
        return LOWER.get(fast.way.precision) if fast else None


class WayTrial:
    """One way of one call, tried.

    Attributes:
        fast: the way; None where it raises.
        result: of the call, in float64.
        first: seconds of the first call, in which things are compiled.
    """

    def __init__(self, network: nn.Module, call: str, given: Given, way: Way) -> None:
        self.given, self.first = given, 0.0
        self.result: Tensor | None = None
        self.fast: FastCall | None = FastCall(network, call, way)
        start = time.perf_counter()
        try:
            self.result = self.work().double()
            self.first = time.perf_counter() - start
            self.work()  # where there are graphs, they are captured in here
        except Exception:  # noqa: BLE001 - a kernel or a compiler may raise anything, and another way may do
            self.drop()

    def work(self) -> Tensor:
        """The call: an evaluation, or an evaluation and its pullback."""
        assert self.fast is not None
        x, *rest = self.given
        if self.fast.call == "evaluation":
            with torch.no_grad():
                return self.fast(x, *rest)
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            out = self.fast(x, *rest)
            return torch.autograd.grad(out, x, torch.ones_like(out))[0]

    def seconds(self) -> float:
        """The time of one call; processor time on a CPU, which others may use at the same time."""
        if self.given[0].device.type == "cpu":
            start = time.process_time()
            self.work()
            return time.process_time() - start
        clock = Clock(self.given[0].device)
        clock.start()
        self.work()
        clock.stop()
        return clock.seconds

    def is_far_from(self, other: Tensor) -> bool:
        """Whether the result is not about another one."""
        assert self.result is not None
        gap = (self.result - other).norm() / other.norm()
        return not bool(gap <= FAR)  # a gap may be NaN

    def drop(self) -> None:
        """Gives the way up, and its memory back."""
        self.fast = self.result = None
        release_memory(self.given[0].device)


class Survey:
    """The search for the fastest way of one call.

    Attributes:
        ms: of the ordinary call; None where it cannot be made.
        gain: of the best way so far.
        best: that way.
        compilation: seconds, as of `SurveyResult`.
    """

    def __init__(self, network: nn.Module, call: str, given: Given, ordinary: Way) -> None:
        self.network, self.call, self.given = network, call, given
        self.on_gpu = given[0].device.type == "cuda"
        self.ordinary = WayTrial(network, call, given, ordinary)
        self.gain, self.best = 1.0, self.ordinary.fast
        self.compilation: float | None = None
        self.ms: float | None = None
        if self.ordinary.fast is not None:
            self.ms = 1e3 * statistics.median(self.ordinary.seconds() for _ in range(TURNS))

    def attempt(self, way: Way, worth: float = 1.0) -> None:
        """Tries a way, which becomes the best where it gains ``worth`` times as much as the best so far."""
        gain, trial = self.tried(way)
        if way.compiled and trial.fast is not None:
            self.compilation = trial.first
        if gain >= worth * self.gain:
            self.gain, self.best = gain, trial.fast
        trial.drop()

    def tried(self, way: Way) -> tuple[float, WayTrial]:
        """The gain of a way, 0 for one that does not work or gives another result."""
        if self.best is not None:
            self.best.forget()  # two sets of graphs may not fit
        trial = WayTrial(self.network, self.call, self.given, way)
        if self.ms is None or self.ordinary.result is None or trial.fast is None:
            return 0.0, trial
        if trial.is_far_from(self.ordinary.result):
            return 0.0, trial
        gain = self._gain(trial, self.ms)
        trial.fast.forget()
        return gain, trial

    def _gain(self, trial: WayTrial, ms: float) -> float:
        """How many times as fast as the ordinary call a trial is; in turns on a CPU, whose speed drifts."""
        if self.on_gpu:
            return ms / (1e3 * statistics.median(trial.seconds() for _ in range(TURNS)))
        gains: list[float] = []
        while len(gains) < TURNS and (not gains or gains[0] > HOPELESS):
            gains.append(self.ordinary.seconds() / trial.seconds())
        return statistics.median(gains)

    def found(self) -> SurveyResult | None:
        """The end of the search."""
        if self.ms is None or self.best is None:
            return None
        way = self.best.way if self.gain >= LEAST else None
        return SurveyResult(self.call, self.ms, self.gain, way, self.compilation)


def probe(network: nn.Module, given: Given, precision: str = "", compiled: bool = True) -> Fast:
    """Measures a network's calls in other precisions and layouts, replayed and compiled.

    The layout of its kernels may be another one afterwards.

    Args:
        network: in the ordinary layout.
        given: its arguments, with as many images as a batch has.
        precision: that of a `Way`, where a lower one was asked for; then no other is tried.
        compiled: whether to try compilation, which takes long.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_dir() / "compiled"))
    surveys = [Survey(network, call, given, Way(precision)) for call in CALLS]
    on_gpu = given[0].device.type == "cuda"
    ways = [Way(other, graphs=on_gpu) for other in _precisions(given[0], precision)]
    ways = [way for way in ways if way != Way(precision)]  # the ordinary one
    for survey in surveys:
        for way in ways:
            survey.attempt(way)
    turned = on_gpu and _try_channels_last(surveys, network)
    for survey in surveys if compiled else ():
        if survey.best is not None:
            survey.attempt(survey.best.way._replace(compiled=True), WORTH)
    fast = Fast(channels_last=turned)
    for survey in surveys:
        if (found := survey.found()) is not None:
            fast.found.append(found)
            if found.way is not None and survey.best is not None:
                fast.calls[found.call] = survey.best
    return fast


def _precisions(x: Tensor, asked: str) -> tuple[str, ...]:
    """Those to try; a lower one only in place of float32."""
    if asked or x.dtype != torch.float32:
        return (asked,)
    return ("tf32", "float16") if x.device.type == "cuda" else ("bfloat16",)


def _try_channels_last(surveys: list[Survey], network: nn.Module) -> bool:
    """Measures the best ways again in the other layout, and keeps it where no call loses and one gains."""
    known = [survey for survey in surveys if survey.best is not None]
    lay_out(network, torch.channels_last)
    again = [survey.tried(survey.best.way) for survey in known if survey.best is not None]
    changes = [gain / survey.gain for survey, (gain, _) in zip(known, again, strict=True)]
    if not changes or min(changes) < 1 / WORTH or max(changes) < WORTH:
        lay_out(network, torch.contiguous_format)
        return False
    for survey, (gain, trial) in zip(known, again, strict=True):
        survey.gain, survey.best = gain, trial.fast
    return True
