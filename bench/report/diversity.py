"""Several samples of one image: what they vary in, and whether the truth could be one of them.

Everything is computed per image from the 8-bit pictures of its k samples and of its truth, then averaged over
images. If the truth were exchangeable with the samples, as it is for a posterior sampler, its rank among them
would be uniform.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.records.record import Record
from bench.report.tables import Row, Table
from bench.report.text import escape
from bench.stats.intervals import Interval, bootstrap_interval, bootstrap_means

Find = Callable[[str], Path | None]
"""Path below objects/ -> the file, if any folder holds it."""

COLUMNS = {
    "psnr": ("PSNR of a sample", ".2f"),
    "psnr_mean": ("PSNR of the mean", ".2f"),
    "spread": ("spread", ".4f"),
    "ratio": ("spread / error", ".2f"),
    "coverage": ("coverage", ".3f"),
    "ranks": ("rank deviation", ".3f"),
    "oracle": ("oracle: best of k", ".2f"),
}
NOTE = (
    "Diversity: PSNR of the mean is that of the mean of an image's k samples. Spread: standard deviation over samples, root "
    "mean square over pixels, on [0, 1]. Spread / error: spread times √(1 + 1/k) over the error of the mean, both root mean "
    "squares over all pixels of all images; 1 where the truth is as far from the mean as a further sample would be. Coverage: "
    "share of pixels whose truth lies between the least and the greatest sample (8-bit ties count in parts), to be read "
    "against the nominal (k − 1) / (k + 1). Rank deviation: total variation distance between the ranks of the truth among the "
    "samples, over pixels, and the uniform law. *oracle*: the best PSNR of k samples, picked with the truth at hand: no "
    "method, and never ranked."
)


@dataclass(frozen=True)
class Spread:
    """One row's diversity: per-image values by column, and the share of each rank of the truth among k
    samples, (k + 1,).

    ``planned`` is the number of images that the row is about; those without k finished samples are not in the
    values. Beside the columns there are ``expected`` and ``error`` of the mean, on [0, 1], whose squares are
    averaged before they are divided.
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
            return bootstrap_interval(self.values[name])
        spread, error = (np.array(self.values[part]) ** 2 for part in ("expected", "error"))
        return Interval(*np.sqrt(ratio_interval(spread, error)[:3]), len(error))


def ratio_interval(a: np.ndarray, b: np.ndarray) -> Interval:
    """mean(a) / mean(b) over the same images in the same order, (n,), (n,), b > 0, with its 95 % bootstrap
    interval.
    """
    value, n = float(np.mean(a) / np.mean(b)), len(a)
    if n == 1:
        return Interval(value, np.nan, np.nan, 1)
    low, high = np.quantile(bootstrap_means(a) / bootstrap_means(b), [0.025, 0.975])
    return Interval(value, float(low), float(high), n)


def rank_shares(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share of pixels in which the truth has rank 0 .. k among k samples; ties are spread evenly over the
    ranks they allow.

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
        "oracle": float(decibel[:-1].max()),
    }, shares


def measure(table: Table, find: Find) -> dict[str, Spread]:
    """Row name -> its diversity, for rows with several samples of every image and pictures of all of them."""
    return {row.name: found for row in table.rows if (found := _spread(table, row, find))}


def _spread(table: Table, row: Row, find: Find) -> Spread | None:
    images = {image: group for image, group in row.solved.items() if len(group) == row.samples}
    if row.samples < 2 or not images:
        return None
    found = []
    for image, group in images.items():
        pictures = [
            find(f"truth/{table.truths.get(image)}.png"),
            *(_picture(record, find) for record in group),
        ]
        if None in pictures:
            return None
        truth, *samples = (np.asarray(Image.open(path)) for path in pictures)
        found.append(diversity(np.stack(samples), truth))
    values = {name: [one[name] for one, _ in found] for name in found[0][0]}
    return Spread(row.samples, len(row.images), values, np.mean([shares for _, shares in found], axis=0))


def _picture(record: Record, find: Find) -> Path | None:
    return find(f"{record.key[:2]}/{record.key}.png")


def section(table: Table, spreads: dict[str, Spread]) -> list[str]:
    """Markdown of one task."""
    if not spreads:
        return []
    ks = sorted({spread.k for spread in spreads.values()})
    nominal = ", ".join(f"{(k - 1) / (k + 1):.3f}" for k in ks)
    titles = [
        f"{title} (nominal {nominal})" if name == "coverage" else title
        for name, (title, _) in COLUMNS.items()
    ]
    lines = [_line(["Solver", *titles, "n"]), "|:--|" + "--:|" * (len(titles) + 1)]
    for row in table.rows:
        if row.name in spreads:
            lines.append(_line([escape(row.name), *_cells(spreads[row.name])]))
    missing = [row.name for row in table.rows if row.samples > 1 and row.name not in spreads]
    gaps = (
        [f"Not shown, since pictures of some samples were not kept: {', '.join(map(escape, missing))}."]
        if missing
        else []
    )
    return [
        f"### {escape(table.title)}: diversity of {' or '.join(map(str, ks))} samples",
        "\n".join(lines),
        *gaps,
    ]


def _cells(spread: Spread) -> Iterable[str]:
    for name, (_, spec) in COLUMNS.items():
        mean, low, high, _ = spread.interval(name)
        text = f"*{mean:{spec}}*" if name == "oracle" else f"{mean:{spec}}"
        yield f"{text}<br><sub>\\[{low:{spec}}, {high:{spec}}\\]</sub>"
    done = len(spread.values["psnr"])
    yield str(done) if done == spread.planned else f"**{done} of {spread.planned}**"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
