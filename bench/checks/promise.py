"""What a promise of a contract is, and how it is tried."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch


class Promise(NamedTuple):
    """One promise in words and, where it is broken, what was seen; ``applies`` is False where it is not about
    the subject.
    """

    says: str
    broken: str | None
    applies: bool = True


class NotAboutIt(Exception):
    """Raised by a promise that a solver or operator does not make: of another rung of the ladder, of a field
    it lacks.
    """


def words(promise: Callable[..., str | None]) -> str:
    """The promise itself: the first line of its docstring."""
    return (promise.__doc__ or "").splitlines()[0]


def tried(promise: Callable[[Any], str | None], subject: Any) -> Promise:
    """What became of a promise."""
    try:
        return Promise(words(promise), promise(subject))
    except NotAboutIt:
        return Promise(words(promise), None, applies=False)
    except Exception as error:  # noqa: BLE001 a user's code may raise anything; the check reports it
        return Promise(words(promise), f"raised {type(error).__name__}: {error}")


@contextmanager
def single_thread() -> Iterator[None]:
    """Tiny tensors are quickest on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
