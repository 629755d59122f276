"""Words in messages: which names a pattern means, what is said about one that nobody knows, how things are
counted.
"""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase


def selected(name: str, patterns: Sequence[str]) -> bool:
    """Whether this name is meant by patterns: "blur_*" means those that fit, "!hdr" all others; without any,
    all are meant.
    """
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    left_out = [pattern for pattern in patterns if pattern.startswith("!")]
    return (not wanted or any(matches(name, p) for p in wanted)) and not any(
        matches(name, p) for p in left_out
    )


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern is about this name, wanted or left out."""
    return fnmatchcase(name, pattern.removeprefix("!"))


def nearest(name: str, known: Iterable[str], what: str = "known") -> str:
    """The end of a message about an unknown name: " (did you mean 'lr'?); known: lr, lam"."""
    known = list(known)
    alike = {other: difflib.SequenceMatcher(None, other, str(name)).ratio() for other in known}
    near = max(alike, key=alike.get, default="")  # of equally near ones the first
    return (
        f" (did you mean '{near}'?)" if alike.get(near, 0) >= 0.5 else ""
    ) + f"; {what}: {', '.join(known) or 'none'}"


def counted(n: int, what: str) -> str:
    """As in "1 image" and "2 images"."""
    return f"{n} {what}{'s' * (n != 1)}"
