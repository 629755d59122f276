"""Several samples of one image: what they vary in, and whether the truth could be one of them.

Everything is computed per image from the 8-bit pictures of its k samples and of its truth, then averaged over
images. If the truth were exchangeable with the samples, as it is for a posterior sampler, its rank among them
would be uniform.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import stdtrit

from bench.records.record import Record
from bench.report.tables import Row, Table
from bench.report.text import escape, table_head, table_line
from bench.stats.intervals import FEWEST, Interval, mean_interval
from bench.stats.metric import printed

Find = Callable[[str], Path | None]
"""Path below objects/ -> the file, if any folder holds it."""

COLUMNS = {
    "psnr": ("PSNR of a sample", ".2f"),
    "psnr_mean": ("PSNR of the mean", ".2f"),
    "spread": ("spread", ".4f"),
    "ratio": ("spread / error", ".2f"),
    "coverage": ("coverage", ".3f"),
    "ranks": ("rank deviation", ".3f"),
}
NOTE = (
    "Diversity: PSNR of the mean is that of the mean of an image's k samples. Spread: standard deviation "
    "over samples, root mean square over pixels, on [0, 1]. Spread / error: spread times √(1 + 1/k) over "
    "the error of the mean, both root mean squares over all pixels of all images; 1 where the truth is as "
    "far from the mean as a further sample would be. Coverage: share of pixels whose truth lies between the "
    "least and the greatest sample (8-bit ties count in parts), to be read against the nominal (k − 1) / (k "
    "+ 1). Rank deviation: total variation distance between the ranks of the truth among the samples, over "
    "pixels, and the uniform distribution."
)


@dataclass(frozen=True)
class Spread:
    """One row's diversity.

    Attributes:
        k: samples of an image.
        planned: number of images that the row is about; those without k finished samples have no values.
        values: column -> one value per image. Beside `COLUMNS` there are ``expected`` and ``error`` of the
            mean, on [0, 1], whose squares are averaged before they are divided.
        ranks: share of each rank of the truth among k samples, (k + 1,).
    """

    k: int
    planned: int
    values: dict[str, list[float]]
    ranks: np.ndarray

    def interval(self, name: str) -> Interval:
        """The mean over images; of ``ratio`` the root of the ratio of two means.

        The mean of the images' own ratios would be above 1 for exact samples: an image's error is a random
        number, and the mean of its inverse is above the inverse of its mean (Jensen).
        """
        if name != "ratio":
            return mean_interval(self.values[name])
        spread, error = np.array(self.values["expected"]) ** 2, np.array(self.values["error"]) ** 2
        mean, low, high = np.sqrt(ratio_interval(spread, error)[:3])
        return Interval(mean, low, high, len(error))


def ratio_interval(a: np.ndarray, b: np.ndarray) -> Interval:
    """mean(a) / mean(b) with its 95 % interval: the ratios r at which mean(a - r b) may be 0 (Fieller 1954).

    Args:
        a, b: (n,), of the same images in the same order; b > 0.

    Returns:
        Bounds are NaN where n is below `FEWEST`, or where the mean of b may be 0.
    """
    n, means = len(a), (float(np.mean(a)), float(np.mean(b)))
    value = means[0] / means[1]
    if n < FEWEST:
        return Interval(value, np.nan, np.nan, n)
    covariance = np.cov(a, b) * float(stdtrit(n - 1, 0.975)) ** 2 / n
    square, middle = means[1] ** 2 - covariance[1, 1], means[0] * means[1] - covariance[0, 1]
    root = middle**2 - square * (means[0] ** 2 - covariance[0, 0])
    if square <= 0 or root < 0:
        return Interval(value, np.nan, np.nan, n)
    ends = (middle - root**0.5) / square, (middle + root**0.5) / square
    return Interval(value, float(max(ends[0], 0.0)), float(ends[1]), n)


def rank_shares(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share of pixels in which the truth has rank 0 .. k among k samples, (k + 1,).

    Ties are spread evenly over the ranks they allow.

    Args:
        samples: (k, ...) integers.
        truth: (...).
    """
    k = len(samples)
    below, equal = (samples < truth).sum(0).ravel(), (samples == truth).sum(0).ravel()
    rank = np.arange(k + 1)
    possible = (rank >= below[:, None]) & (rank <= (below + equal)[:, None])
    return (possible / (equal + 1)[:, None]).mean(0)


def diversity(samples: np.ndarray, truth: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """The columns of one image, and its `rank_shares`.

    Args:
        samples: (k, H, W[, C]) uint8, k >= 2.
        truth: (H, W[, C]) uint8.
    """
    k, x, x0 = len(samples), samples / 255.0, truth / 255.0
    errors = ((x - x0) ** 2).reshape(k, -1).mean(1)
    error = float(((x.mean(0) - x0) ** 2).mean())
    spread = float(x.var(0, ddof=1).mean() ** 0.5)
    shares = rank_shares(samples, truth)
    decibel = -10 * np.log10(np.maximum([*errors, error], 1e-12))
    return {
        "psnr": float(decibel[:-1].mean()),
        "psnr_mean": float(decibel[-1]),
        "spread": spread,
        "expected": spread * (1 + 1 / k) ** 0.5,
        "error": max(error, 1e-12) ** 0.5,
        "coverage": float(shares[1:-1].sum()),
        "ranks": float(0.5 * np.abs(shares - 1 / (k + 1)).sum()),
    }, shares


def measure(table: Table, find: Find) -> dict[str, Spread]:
    """Row name -> its diversity, for rows with several samples of an image and pictures of all of them."""
    return {row.name: found for row in table.rows if (found := _spread(table, row, find))}


def _spread(table: Table, row: Row, find: Find) -> Spread | None:
    """The diversity of one row over the images with all samples; None without pictures of one of them."""
    if row.samples < 2:
        return None
    values: dict[str, list[float]] = defaultdict(list)
    ranks = []
    for image, group in row.solved.items():
        if len(group) == row.samples:
            pictures = _pictures(table, image, group, find)
            if pictures is None:
                return None
            columns, shares = diversity(*pictures)
            ranks.append(shares)
            for name, value in columns.items():
                values[name].append(value)
    return Spread(row.samples, len(row.images), dict(values), np.mean(ranks, axis=0)) if ranks else None


def _pictures(
    table: Table, image: str, group: Sequence[Record], find: Find
) -> tuple[np.ndarray, np.ndarray] | None:
    """Samples and truth of one image as `diversity` takes them; None where a picture was not kept."""
    truth = find(f"truth/{table.truths.get(image)}.png")
    paths = [path for record in group if (path := find(f"{record.key}.png"))]
    if truth is None or len(paths) < len(group):
        return None
    samples, x = [np.asarray(Image.open(path)) for path in paths], np.asarray(Image.open(truth))
    if any(sample.shape != x.shape for sample in samples):
        return None
    return np.stack(samples), x


def section(table: Table, spreads: dict[str, Spread]) -> list[str]:
    """The Markdown of one task; nothing without diversity."""
    if not spreads:
        return []
    ks = sorted({spread.k for spread in spreads.values()})
    nominal = ", ".join(f"{(k - 1) / (k + 1):.3f}" for k in ks)
    titles = []
    for name, (title, _) in COLUMNS.items():
        titles.append(f"{title} (nominal {nominal})" if name == "coverage" else title)
    lines = table_head(["Solver", *titles, "n"])
    missing = []
    for row in table.rows:
        if row.name in spreads:
            lines.append(table_line([escape(row.name), *_cells(spreads[row.name])]))
        elif row.samples > 1:
            missing.append(escape(row.name))
    parts = [f"### {escape(table.title)}: diversity of {' or '.join(map(str, ks))} samples", "\n".join(lines)]
    if missing:
        parts.append(f"Not shown, since pictures of some samples were not kept: {', '.join(missing)}.")
    return parts


def _cells(spread: Spread) -> list[str]:
    """The columns of one row, and for how many images they stand."""
    cells = []
    for name, (_, digits) in COLUMNS.items():
        mean, low, high, _ = spread.interval(name)
        bounds = f"<br><sub>\\[{printed(low, digits)}, {printed(high, digits)}\\]</sub>"
        cells.append(printed(mean, digits) + (bounds if np.isfinite(low) else ""))
    done = len(spread.values["psnr"])
    return [*cells, str(done) if done == spread.planned else f"**{done} of {spread.planned}**"]
