"""All metrics of a set of samples, as tables print them."""

from itertools import pairwise

from bench.exact.distances import DISTANCES
from bench.stats.metric import Metric

BANDS = (0, 2, 5, 9, 14, float("inf"))
"""Edges of the bands of |f|, in cycles per image."""


def _band_metrics() -> dict[str, Metric]:
    """The variance in each band of spatial frequencies."""
    note = (
        "over the posterior's, mean over the spatial frequencies of the band, in cycles per image; 1 is right"
    )
    found = {}
    for i, (low, high) in enumerate(pairwise(BANDS)):
        band = f"{low}-{high}" if high < float("inf") else f"{low}+"
        found[f"var_band_{i}"] = Metric(f"variance, |f| {band}", 2, None, note)
    return found


ERRORS: dict[str, Metric] = {
    "rmse_sample": Metric(
        "RMSE, sample",
        3,
        None,
        "not ranked, it rewards lost variance; of one sample to the truth, over all samples, in units of x",
    ),
    "rmse_mean": Metric(
        "RMSE, mean", 3, False, "of the mean of all samples to the truth; the exact posterior is the optimum"
    ),
    "psnr_sample": Metric(
        "PSNR, sample",
        2,
        None,
        "dB; not ranked, it rewards lost variance; of one sample, mean over all; "
        "range 2 in [-1, 1] units, not clipped",
    ),
    "psnr_mean": Metric(
        "PSNR, mean", 2, True, "dB; of the mean of all samples; the exact posterior's is the optimum"
    ),
}
"""Errors of the samples and of their mean, against the truth."""

METRICS: dict[str, Metric] = DISTANCES | ERRORS | _band_metrics()
"""Every metric of the samples of one problem; what does not apply to it is absent from its record."""
