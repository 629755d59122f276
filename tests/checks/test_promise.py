"""What becomes of a promise: kept, broken, raised or not about the subject."""

import torch

from bench.checks.promise import NotAboutIt, Promise, single_thread, tried, words


def is_positive(number: float) -> str | None:
    """It is positive, as a
    square is.

    Zero is not.
    """
    if number == 7:
        raise NotAboutIt
    if number == 8:
        raise RuntimeError("no such number")
    return None if number > 0 else f"{number} is not"


def test_a_promise_says_its_first_paragraph_and_what_was_seen():
    says = "It is positive, as a square is."
    assert words(is_positive) == says
    assert tried(is_positive, 1) == Promise(says, None)
    assert tried(is_positive, -1) == Promise(says, "-1 is not")
    assert tried(is_positive, 7) == Promise(says, None, applies=False)
    place = f"(test_promise.py:{is_positive.__code__.co_firstlineno + 9})"
    raised = f"raised RuntimeError: no such number {place}"
    assert tried(is_positive, 8) == Promise(says, raised)
    assert tried(is_positive, 8, lambda error: f"; not {error}") == Promise(
        says, f"{raised}; not no such number"
    )


def test_threads_are_as_before_afterwards():
    before = torch.get_num_threads()
    with single_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
