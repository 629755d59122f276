"""Points of equal cost, moved beside each other so that none hides another."""

from collections.abc import Sequence

STEP = 0.11
"""Inches between points, about the width of one."""
NEAR = 0.1
"""Inches within which two points would overlap."""
MOST = 0.55
"""Inches that a point is moved at most."""


def swarm(places: Sequence[tuple[float, float]]) -> list[float]:
    """The shift of each point to the right, in inches.

    Args:
        places: (x, y) of the points, in inches.
    """
    shifts = [0.0] * len(places)
    placed: list[tuple[float, float]] = []
    for i in sorted(range(len(places)), key=lambda i: (places[i][1], places[i][0], i)):
        x, y = places[i]
        for shift in _shifts():
            shifts[i] = shift
            if all(abs(x + shift - a) >= NEAR or abs(y - b) >= NEAR for a, b in placed):
                break
        placed.append((x + shifts[i], y))
    return shifts


def _shifts() -> list[float]:
    """0, then steps to both sides, the nearest first."""
    found = [0.0]
    for k in range(1, int(MOST / STEP) + 1):
        found += [k * STEP, -k * STEP]
    return found
