"""A method whose score is a known function of its parameters, searched without computing anything."""

from types import SimpleNamespace

from bench.suites.yamlfile import SuiteError
from bench.tune.search import Search
from bench.tune.trials import Size
from tests.made_run import record

CODE = """
from dataclasses import dataclass
from bench.solver import Positive, Solver

@dataclass(frozen=True)
class Mine(Solver):
    steps: int = 10
    a: Positive = 1.0
    b: Positive = 1.0

    def solve(self, measurement, prior, noise):
        yield
"""
CARD = "search:\n  a: {low: 0.01, high: 100, scale: log}\n  b: {low: 0.01, high: 100, scale: log}\n"


def write_card(folder, card=CARD):
    """The method's file with a card beside it."""
    (folder / "mine.py").write_text(CODE)
    (folder / "mine.yaml").write_text(card)
    return str(folder / "mine.py")


class MadeTrials:
    """Stands for `bench.tune.trials.Trials`; counts what is computed, and may be killed.

    Args:
        psnr: a function of the parameters; None where a candidate is lost.
        each: evaluations of a reconstruction.
        most: candidates that may be computed before it is killed.
    """

    def __init__(self, spec, psnr, each=10, most=10**9):
        self.spec, self.psnr, self.each, self.most = spec, psnr, each, most
        self.fixed, self.size = {"steps": each}, Size(2, 3, 1, 0)
        self.found, self.refused = SimpleNamespace(name="mine"), {}
        self.prior = "fashion32"
        self.family = SimpleNamespace(name="masks", tasks=[SimpleNamespace(name="inpaint_box")])
        self.recorded, self.computed = {}, []

    def known(self):
        return {"sigma": 0.1, "s": 1.0}

    def defaults(self):
        return {"a": 1.0, "b": 1.0}

    def load(self, _):
        return SimpleNamespace(data=SimpleNamespace(ids=[f"{i}" for i in range(12)]))

    def build(self, params):
        if not all(0 < params[name] <= 300 for name in ("a", "b") if name in params):
            raise SuiteError("a: not above 0, or above 300")
        return params

    def cells(self, candidates, images=None):
        return [(tuple(sorted(params.items())), images or self.size.images) for params in candidates]

    def records(self, cells):
        return [self.recorded.get(params, [])[:n] for params, n in cells]

    def is_done(self, cells, records):
        return sum(map(len, records)) == sum(n for _, n in cells)

    def run(self, candidates, images=None):
        for params, (name, n) in zip(candidates, self.cells(candidates, images), strict=True):
            own = self.recorded.setdefault(name, [])
            if len(own) < n:
                self.most -= 1
                if self.most < 0:
                    raise KeyboardInterrupt
                self.computed.append(name)
                own += [self.made(params, i) for i in range(len(own), n)]
        return self.records(self.cells(candidates, images))

    def made(self, params, i):
        psnr = self.psnr(**params)
        lost = {"status": "diverged", "metrics": {}} if psnr is None else {}
        changes = {"nfe": self.each, "vjps": 0, "params": params, **lost}
        return record("best", i, psnr=0 if psnr is None else psnr - 0.1 * i, **changes)


def made_search(trials, objectives, budget=12 * 20, seed=0):
    return Search(trials, objectives, budget, 20, seed)
