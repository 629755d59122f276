"""Counts the operations of one evaluation of each 256 x 256 network, without and with its input's gradient.

    python benchmarks/operations.py

They are counted for one image on the architecture of the card, without weights. The plan of `report --paper`
takes its times from them (reports/published.toml).
"""

from bench.forecast.work import count
from bench.priors import empty_prior

NAMES = ("ffhq256_uncond", "imagenet256_uncond")

if __name__ == "__main__":
    for name in NAMES:
        work = count(empty_prior(name))
        forward, both = work.evaluation.flop / 1e12, work.vjp.flop / 1e12
        print(f"{name}: {forward:.3g} TFLOP, with the gradient {both:.3g} ({both / forward:.2f} times)")
