"""How far from the best settings a search of `tune` ends, with few candidates, on scores in closed form.

    python benchmarks/searching.py [--searches 50]

There is one setting with 6 candidates, as of a method with backward passes, and two with 12, one of them a
choice between numbers. The best settings are drawn anew for each search. Scores are like those of PSNR and
LPIPS, with noise. Printed is what is lost, in dB: the mean, and what a tenth of the searches lose at least.
Optuna's other sampler for few candidates, TPE, stands beside ours.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path[0] = str(
    Path(__file__).resolve().parents[1]
)  # beside this file, `statistics` would not be the standard library's

import optuna  # noqa: E402

from bench.suites.tuning import Space  # noqa: E402
from bench.tune.candidates.asking import Told, ask  # noqa: E402
from bench.tune.candidates.points import Point, Spaces  # noqa: E402
from bench.tune.objectives import CandidateScore, objectives  # noqa: E402
from bench.tune.search import BATCH  # noqa: E402

ETAS = (0.0, 0.1, 0.25, 0.3, 0.5, 0.7, 1.0)
ONE = Spaces({"zeta": Space(0.01, 30, "log")}, {})
TWO = Spaces({"lam": Space(0.03, 30, "log"), "eta": Space(choices=ETAS)}, {})
Scores = tuple[CandidateScore, CandidateScore]


def one_setting(rng: np.random.Generator) -> Callable[[Point], Scores]:
    """Scores that fall to both sides of a best zeta, faster above it, by PSNR 0 at most."""
    best = rng.uniform(-1.5, 1)

    def scores(point: Point) -> Scores:
        off = np.log10(point["zeta"]) - best
        loss = (9 if off < 0 else 14) * off**2 / (1 + 0.35 * abs(off))
        return noisy(-loss, 0.04 + 0.08 * (off - 0.1) ** 2, rng)

    return scores


def two_settings(rng: np.random.Generator) -> Callable[[Point], Scores]:
    """Scores that fall around a best pair, in which a larger lam wants a larger eta, by PSNR 0 at most."""
    best, place = rng.uniform(-1, 1), rng.integers(1, len(ETAS))

    def scores(point: Point) -> Scores:
        off, steps = np.log10(point["lam"]) - best, ETAS.index(point["eta"]) - place
        loss = 3 * off**2 + 0.35 * steps**2 - 0.2 * off * steps
        return noisy(-loss, 0.03 + 0.03 * off**2 + 0.004 * steps**2, rng)

    return scores


def noisy(psnr: float, lpips: float, rng: np.random.Generator) -> Scores:
    """Scores with the error of a mean over images, rounded as `tune` rounds them."""
    first, second = rng.normal(size=2)
    seen = round(float(psnr + 0.1 * first), 2), round(float(lpips + 0.002 * second), 3)
    return CandidateScore(seen[0]), CandidateScore(seen[1])


def lost(
    spaces: Spaces, first: Point, scores: Callable[[Point], Scores], candidates: int, seed: int
) -> float:
    """What the best candidate by PSNR lacks to the best settings, in dB."""
    told, batch = [Told(first, scores(first))], 0
    while len(told) < candidates:
        n, batch = min(BATCH, candidates - len(told)), batch + 1
        points = ask(spaces, told, n, objectives(["psnr", "lpips"]), (seed, batch))
        told += [Told(point, scores(point)) for point in points]
    return -max(one.scores[0].value or -np.inf for one in told)


def main() -> None:
    """Prints a line for each sampler."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=50)
    n = parser.parse_args().searches
    samplers: Any = optuna.samplers
    for name, sampler in (("TPE", samplers.TPESampler), ("ours", samplers.GPSampler)):
        samplers.GPSampler = sampler  # what `ask` takes
        start, found = time.process_time(), []
        for seed in range(n):
            rng = np.random.default_rng(seed)
            one = lost(ONE, {"zeta": 1.0}, one_setting(rng), 6, seed)
            found.append((one, lost(TWO, {"lam": 1.0, "eta": 0.3}, two_settings(rng), 12, seed)))
        texts = []
        for what, values in zip(("one setting", "two settings"), np.transpose(found), strict=True):
            texts.append(f"{what}: {values.mean():.2f} dB, a tenth {np.quantile(values, 0.9):.2f} or more")
        print(f"{name:4}  {'; '.join(texts)}; {(time.process_time() - start) / n:.1f} s a pair of searches")


if __name__ == "__main__":
    main()
