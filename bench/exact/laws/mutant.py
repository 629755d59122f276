"""Mutants: wrong variants of a solver, each with a plausible mistake in one piece of its source.

`bench.certify.mutants` makes them. The pieces below are those that several solvers have.
"""

from dataclasses import dataclass

LAST_NOISE = " + (0.01 * noise.like(x) if s.sigma == 0 else 0)"
"""Follows an expression of x_s."""
ONE_NOISE = "[:1].expand_as(x)"
"""Follows a draw of noise."""


@dataclass(frozen=True)
class Mutant:
    """A wrong variant of a solver.

    Attributes:
        name: what the laws that catch it call it.
        old: a piece of the source of the solver's file; it is replaced wherever it stands.
        new: the mistake in its place.
        helper: a function that the file imports, in whose module the piece stands; "" for the file itself.
    """

    name: str
    old: str
    new: str
    helper: str = ""


HALF = Mutant(
    "state in half precision", "yield Step(x, x0)", "x = x.half().to(x)\n            yield Step(x, x0)"
)
LEVEL_OFF = Mutant(
    "level off by one", "prior.denoise(x, t)", "prior.denoise(x, prior.schedule.level(max(t.index - 1, 0)))"
)
CLIP_OUTSIDE = Mutant(
    "clip outside the graph",
    "vjp_once(prior, x, t, self.clip)",
    "(lambda x0, *more: (x0.clamp(-1, 1) if self.clip else x0, *more))(*vjp_once(prior, x, t))",
)
