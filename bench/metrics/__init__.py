"""Image metrics and the networks behind them.

Distances between sets (FID, KID) are computed later, by `bench.stats.intervals`, from the features that
`Inception` returns.
"""
