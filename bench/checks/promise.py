"""A promise of a contract, and what became of it when it was tried."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import torch

from bench.system.code.raised import where

Subject = TypeVar("Subject")


class Promise(NamedTuple):
    """One promise, tried on a solver or an operator.

    Attributes:
        says: the promise in words.
        broken: what was seen where it is broken; None where it is kept.
        applies: False where the promise is not about the subject.
    """

    says: str
    broken: str | None
    applies: bool = True


class NotAboutIt(Exception):
    """Raised by a promise that the solver or operator does not make, such as one about a field it lacks."""


def words(promise: Callable[[Subject], str | None]) -> str:
    """The promise in words: the first paragraph of its docstring, on one line."""
    paragraph = (promise.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split())


def tried(
    promise: Callable[[Subject], str | None], subject: Subject, hint: Callable[[Exception], str] | None = None
) -> Promise:
    """Tries a promise; an exception inside it breaks it.

    Args:
        hint: what to do about an exception, or "".
    """
    try:
        return Promise(words(promise), promise(subject))
    except NotAboutIt:
        return Promise(words(promise), None, applies=False)
    except Exception as error:  # noqa: BLE001 a user's code may raise anything; the check reports it
        return Promise(
            words(promise),
            f"raised {type(error).__name__}: {error}{where(error)}{hint(error) if hint else ''}",
        )


@contextmanager
def single_thread() -> Iterator[None]:
    """Runs torch on one thread, which is quickest for tiny tensors."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
