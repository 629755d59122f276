"""Random numbers that belong to an image, not to a run.

Every image of a batch has its own stream, named by what it is for; a draw is a function of (stream, call
number) alone. So a result never depends on batch mates, order, shards, workers or device. Bits come from
Philox-4x64 (Salmon et al. 2011), a published counter-based generator, and are turned into normals by
Box-Muller here, since numpy does not promise that its own samplers keep their streams across versions.
"""

import copy
import hashlib
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Self

import numpy as np
import torch
from torch import Tensor

from bench.batch import Images, chosen

SCHEME = "philox4x64-boxmuller-1"
"""Name of the mapping from stream to numbers; part of every record's key."""
AT_ONCE = 2**16
"""Numbers that are drawn ahead at most, half a megabyte of words."""


class Noise(ABC):
    """What a solver draws from: one independent stream per image of the batch."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of images B."""

    @abstractmethod
    def __getitem__(self, images: Images) -> "Noise":
        """The streams of some images: what is drawn there is not drawn here again.

        Streams of other images stay where they are, so an image that draws less than its batch mates gets
        what it would get alone.
        """

    @abstractmethod
    def new(self, shape: Sequence[int]) -> Tensor:
        """Fresh standard normals, (B, *shape)."""

    @abstractmethod
    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Fresh uniforms on [0, 1), (B, *shape)."""

    def like(self, x: Tensor) -> Tensor:
        """Fresh standard normals of the shape, dtype and device of x, (B, ...).

        Each part of a complex number is one: of a single draw, (B, 2, ...), the first half are the real
        parts.
        """
        if x.is_complex():
            real, imaginary = self.new((2, *x.shape[1:])).unbind(1)
            return torch.complex(real, imaginary).to(x)
        return self.new(x.shape[1:]).to(x)


class StreamNoise(Noise):
    """Philox streams, drawn on the CPU in float64, delivered in one dtype on one device.

    Args:
        keys: one 128-bit key per image, from `stream_key`.
        dtype, device: of what `new` and `uniform` return.
        calls: how many draws were made before.

    Attributes:
        calls: (B,), how many draws each stream has made. Slices share them.
    """

    def __init__(
        self,
        keys: Sequence[int],
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        calls: int = 0,
    ) -> None:
        self.keys, self.dtype, self.device = list(keys), dtype, device
        self._calls = np.full(len(self.keys), calls)
        self._places = np.arange(len(self.keys))
        self._philox = Philox()

    @property
    def calls(self) -> np.ndarray:
        return self._calls[self._places]

    @calls.setter
    def calls(self, calls: np.ndarray) -> None:
        self._calls[self._places] = calls

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, images: Images) -> Self:
        other = copy.copy(self)
        other._places, other._philox = self._places[chosen(images, len(self))], Philox()
        return other

    def new(self, shape: Sequence[int]) -> Tensor:
        return self.several("new", shape, 1)[0]

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return self.several("uniform", shape, 1)[0]

    def several(self, kind: str, shape: Sequence[int], k: int) -> list[Tensor]:
        """What k calls of ``new`` or ``uniform`` in a row would return, made at once; (B, *shape) each."""
        n, made = math.prod(shape), []
        for values in (self._normals(k, n) if kind == "new" else self._uniforms(k, n)).unbind():
            drawn = self._deliver(values, shape)
            if kind == "uniform":  # rounding to a narrower dtype may reach 1
                drawn = drawn.clamp_max(1 - torch.finfo(self.dtype).eps / 2)
            made.append(drawn)
        return made

    def _uniforms(self, k: int, n: int) -> Tensor:
        """The uniforms of k calls, (k, B, n) float64 in [0, 1)."""
        bits = np.empty((k, len(self), n), np.uint64)
        for words in bits:
            self._call(words)
            self.calls += 1
        return fractions(bits)

    def _call(self, words: np.ndarray) -> None:
        """Fills (B, n) with the words of the next call, whose number is the highest word of the counter."""
        for row, place, call in zip(words, self._places.tolist(), self.calls.tolist(), strict=True):
            row[:] = self._philox(self._key(place, call), call, words.shape[1])

    def _key(self, place: int, call: int) -> int:
        """The stream from which the image at a place makes a call."""
        return self.keys[place]

    def _normals(self, k: int, n: int) -> Tensor:
        """The normals of k calls, (k, B, n) float64."""
        half = (n + 1) // 2
        u = self._uniforms(k, 2 * half)
        # torch's elementary functions take a third of the time of numpy's, and do not depend on where in a
        # tensor a number is.
        radius, angle = u[..., :half].neg().log1p_().mul_(-2).sqrt_(), u[..., half:] * (2 * math.pi)
        torch.mul(radius, angle.cos(), out=u[..., :half])
        torch.mul(radius, angle.sin_(), out=u[..., half:])
        return u[..., :n]

    def _deliver(self, values: Tensor, shape: Sequence[int]) -> Tensor:
        drawn = values.to(self.dtype, copy=True).reshape(len(self), *shape)  # draws share no memory
        if torch.device(self.device).type == "cuda":  # from pinned memory nobody waits for the copy
            return drawn.pin_memory().to(self.device, non_blocking=True)
        return drawn.to(self.device)


class DrawnAhead(Noise):
    """The numbers of another source, some draws ahead of the solver.

    It guesses that a solver asks for the same again; where it does not, the guess is thrown away and its call
    numbers are used again. On a GPU a thread makes the next draw while the solver works. On the CPU several
    small draws are made at once: after a network call the processor has to fetch all that a draw needs again,
    which takes longer than the draw. Close it (it is a context manager) when the solver has ended.

    Args:
        noise: the source.
        in_thread: whether to draw in a thread.
        paused: a context around all that a solver waits for here, as of a clock that stands still.
    """

    def __init__(
        self,
        noise: StreamNoise,
        in_thread: bool = True,
        paused: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.noise, self.paused = noise, paused
        self._thread = ThreadPoolExecutor(1) if in_thread else None
        self._asked: tuple[str, tuple[int, ...]] | None = None
        self._ahead: deque[Tensor | Future[Tensor]] = deque()
        """Draws of what was asked for last, in the order of their calls."""
        self._streak = 0
        """How often it was asked for in a row."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread:
            self._thread.shutdown()

    def __len__(self) -> int:
        return len(self.noise)

    def __getitem__(self, images: Images) -> Noise:
        return Settled(self, self.noise[images])

    def new(self, shape: Sequence[int]) -> Tensor:
        return self._draw("new", tuple(shape))

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return self._draw("uniform", tuple(shape))

    def _draw(self, kind: str, shape: tuple[int, ...]) -> Tensor:
        self._streak += 1
        if self._ahead and self._thread is None and self._asked == (kind, shape):
            return _made(self._ahead.popleft())
        with self.paused():
            if self._asked != (kind, shape):
                self.settle()
                self._asked, self._streak = (kind, shape), 1
            if not self._ahead:
                most = AT_ONCE // max(len(self) * math.prod(shape), 1)
                self._ahead.extend(self.noise.several(kind, shape, max(min(self._streak - 1, most), 1)))
            drawn = _made(self._ahead.popleft())
            if self._thread:
                draw: Callable[[tuple[int, ...]], Tensor] = getattr(self.noise, kind)
                self._ahead.append(self._thread.submit(draw, shape))
            return drawn

    def settle(self) -> None:
        """Takes guesses back, so that all streams are where the solver has left them."""
        for guess in self._ahead:
            _made(guess)
        self.noise.calls -= len(self._ahead)
        self._ahead.clear()
        self._asked, self._streak = None, 0


def _made(guess: Tensor | Future[Tensor]) -> Tensor:
    """A draw, once it is there."""
    return guess.result() if isinstance(guess, Future) else guess


class Settled(Noise):
    """Some streams of a source that draws ahead, which takes its guess back before they draw."""

    def __init__(self, source: DrawnAhead, noise: Noise) -> None:
        self.source, self.noise = source, noise

    def __len__(self) -> int:
        return len(self.noise)

    def __getitem__(self, images: Images) -> "Settled":
        return Settled(self.source, self.noise[images])

    def new(self, shape: Sequence[int]) -> Tensor:
        with self.source.paused():
            self.source.settle()
            return self.noise.new(shape)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        with self.source.paused():
            self.source.settle()
            return self.noise.uniform(shape)


class Philox:
    """Calls of any stream, from one generator that is set to each in turn.

    Making a generator costs more than the words of an image.
    """

    def __init__(self) -> None:
        self._generator = np.random.Philox(key=0)
        self._state = self._generator.state

    def __call__(self, key: int, call: int, n: int) -> np.ndarray:
        """The first n 64-bit words of one call of the stream ``key``, (n,) uint64.

        A call owns the counter's highest word.
        """
        self._state["state"]["key"][:] = key & (1 << 64) - 1, key >> 64
        self._state["state"]["counter"][:] = 0, 0, 0, call
        self._state["buffer_pos"] = len(self._state["buffer"])
        self._generator.state = self._state
        return self._generator.random_raw(n)


def fractions(bits: np.ndarray) -> Tensor:
    """The leading 53 bits of words as float64 in [0, 1), of the same shape; overwrites the words."""
    bits >>= np.uint64(11)
    return torch.from_numpy(bits.view(np.int64)).double().mul_(2.0**-53)


def philox_bits(key: int, call: int, n: int) -> np.ndarray:
    """The first n 64-bit words of one call of a stream, (n,) uint64."""
    return Philox()(key, call, n)


def stream_key(*parts: str | int) -> int:
    """The 128-bit key of the stream that ``parts`` name.

    A solver's own stream, for example, is ("sampler", seed, dataset, image, task, solver, sample).
    """
    name = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest(), "little")
