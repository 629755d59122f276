"""What a message says about a name that nobody knows."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], what: str = "known") -> str:
    """The end of a message about an unknown name: " (did you mean 'lr'?); known: lr, lam"."""
    known = list(known)
    alike = {other: difflib.SequenceMatcher(None, other, str(name)).ratio() for other in known}
    near = max(alike, key=alike.get, default="")  # of equally near ones the first
    return (f" (did you mean '{near}'?)" if alike.get(near, 0) >= 0.5 else "") + f"; {what}: {', '.join(known) or 'none'}"
