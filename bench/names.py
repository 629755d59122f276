"""Words in messages: what patterns select, suggestions for unknown names, counted things, first lines."""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

ALIKE = 0.5
"""Least likeness (`difflib.SequenceMatcher.ratio`, 0 to 1) of a name that is suggested for another."""


def selected(name: str, patterns: Sequence[str]) -> bool:
    """Whether patterns select a name: "blur_*" includes what it matches, "!hdr" excludes; none select all."""
    excluding = [pattern for pattern in patterns if pattern.startswith("!")]
    including = [pattern for pattern in patterns if not pattern.startswith("!")]
    if any(matches(name, pattern) for pattern in excluding):
        return False
    return not including or any(matches(name, pattern) for pattern in including)


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern is about a name, be it to include or to exclude it."""
    return fnmatchcase(name, pattern.removeprefix("!"))


def nearest(name: str, known: Iterable[str], what: str = "known") -> str:
    """The end of a message about an unknown name: " (did you mean 'lr'?); known: lr, lam"."""
    names = list(known)
    best, likeness = "", 0.0
    for other in names:
        ratio = difflib.SequenceMatcher(None, other, str(name)).ratio()
        if ratio > likeness:  # of equally near names the first
            best, likeness = other, ratio
    suggestion = f" (did you mean '{best}'?)" if likeness >= ALIKE else ""
    return f"{suggestion}; {what}: {', '.join(names) or 'none'}"


def counted(n: int, what: str) -> str:
    """A number with its noun: "1 image", "2 images"."""
    return f"{n} {what}{'s' * (n != 1)}"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or what was raised where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
