"""A method with a card and laws: three files that may lie in ``solvers/`` or anywhere else."""

from pathlib import Path

CODE = '''\
"""A toy."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from bench.solver import LinearOperator, Measurement, Noise, Prior, Solver, Step, Steps, UnitInterval, ddim


@dataclass(frozen=True)
class Toy(Solver):
    """DDNM (arXiv 2212.00490) with a pseudo-inverse damped by the noise level."""

    paper: ClassVar[str] = "2212.00490"
    needs: ClassVar = LinearOperator
    steps: Steps = 1000
    eta: UnitInterval = 1.0

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        y, A, sigma = measurement
        levels = prior.schedule.levels(self.steps)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            x0 = x0 + A.pinv(y - A(x0), damping=sigma**2 / t.variance)
            x = ddim(x, x0, t, s, self.eta, noise.like(x))
            yield Step(x, x0)


@dataclass(frozen=True)
class Variant(Toy):
    """Another class of the file, so that the card has to say which one it is about."""
'''
CARD = """\
class: Toy
order: 50
title: A toy
paper: "2212.00490"
presets:
  bench:
    tiny:
      "*": {steps: 3, eta: 0.85}
      box2: {eta: 0.5}
search:
  eta: {low: 0, high: 1}
"""
LAWS = '''\
"""Laws of the toy."""

from bench.exact.laws.law import PATH, Law, SolverClass, batch_error, gap
from bench.exact.laws.mutant import LAST_NOISE, ONE_NOISE, Mutant
from bench.exact.laws.problems import problem, streams


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20))


def last_error(cls: SolverClass) -> float:
    """The last state is the last estimate."""
    case = problem("mixture", 0.1)
    *_, step = cls(steps=20).solve(case.measurement(8), case.prior, streams(8))
    return gap(step.x, step.x0)


LAWS = [
    Law("image alone = image in a batch", PATH, alone_error, ("one noise for the batch",)),
    Law("last state = last estimate", PATH, last_error, ("noise in the last step",)),
]
MUTANTS = [
    Mutant("one noise for the batch", "noise.like(x)", "noise.like(x)" + ONE_NOISE),
    Mutant("noise in the last step", "noise.like(x))", "noise.like(x))" + LAST_NOISE),
]
'''


def write_method(code: Path, laws: Path) -> None:
    """Writes the three files; the card lies beside the code."""
    code.parent.mkdir(parents=True, exist_ok=True)
    code.write_text(CODE)
    code.with_suffix(".yaml").write_text(CARD)
    laws.write_text(LAWS)
