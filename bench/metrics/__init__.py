"""Image metrics and the networks behind them.

Distances between sets (FID, KID) are computed later, by `bench.stats.distances`, from the features that
`bench.metrics.networks.Inception` returns.
"""
