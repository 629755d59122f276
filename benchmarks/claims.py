"""Computes again what the documents claim across tasks, from the committed records, and looks for it there.

    python benchmarks/claims.py           # seconds; exit code 1 where a claim no longer holds

Each claim has the interval that other images or problems of the same tasks would give, or counts what is
shown with 95 % certainty in each task.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from bench.report.across.ranks import over_tasks
from bench.report.columns import Column, columns_of
from bench.report.exact import FLOOR, judge
from bench.report.ranking import judge_all, rankable
from bench.report.scores import Sets
from bench.report.tables import Table, build
from bench.stats.intervals import FEWEST
from bench.stats.ranks import resample_counts

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "results" / "reference"
RESAMPLES = 2000
PIGDM = ("pigdm-100", "pigdm-score-100")
"""The two tuned rows of PiGDM in suite exact-full."""
Claim = tuple[str, str]
"""A document, and the line that must stand in it."""


def tables_of(suite: str, metrics: Sequence[str]) -> tuple[list[Table], list[Column]]:
    """The tables of committed records, and the columns of some metrics."""
    folder = RECORDS / suite
    runs = read_manifests(folder)
    tables = build(read_records(folder)[0], runs)
    return tables, [column for column in columns_of(tables, runs) if column.name in metrics]


def average_ranks() -> Iterator[Claim]:
    """Average ranks of the first and the second row of suite linear, by PSNR and LPIPS."""
    tables, columns = tables_of("linear", ("psnr", "lpips"))
    judged = [judge_all(table, columns, Sets([RECORDS / "linear"]), {}) for table in tables]
    (found,) = over_tasks(judged, columns)
    for column in columns:
        ranks = found.ranks[column.name]
        texts = []
        for name, mean, low, high in zip(ranks.names, ranks.means, ranks.lows, ranks.highs, strict=True):
            texts.append(f"{name} {mean:.2f} [{low:.2f}, {high:.2f}]")
        apart = "separated from the next" if ranks.separated[0, 1] else "not separated from the next"
        yield "docs/results.md", f"| {column.label} | {texts[0]} | {texts[1]} | {apart} |"


def nearest() -> Iterator[Claim]:
    """How often PiGDM is nearest to exact samples, and the oracle equivalent, in tasks of enough problems."""
    tables, (mmd,) = tables_of("exact-full", ("mmd",))
    tables = [table for table in tables if table.usual >= FEWEST]
    counts, resampled = 0, np.zeros(RESAMPLES, int)
    for table in tables:
        is_nearest, other_problems = nearest_rows(table, mmd)
        counts += is_nearest
        resampled += other_problems
    low, high = np.quantile(resampled, [0.025, 0.975], method="inverted_cdf")
    text = f"{counts} of {len(tables)} [{min(low, counts)}, {max(high, counts)}]"
    yield "docs/exact.md", f"| PiGDM, one of its two tuned rows, is nearest to exact samples | {text} |"
    found = [judge(table, mmd).rows for table in tables]
    oracle = [rows["oracle-250"] for rows in found if "oracle-250" in rows]
    text = f"{sum(number.equivalent for number in oracle)} of {len(oracle)}"
    yield "docs/exact.md", f"| the oracle with 250 evaluations is shown to be equivalent to them | {text} |"
    open_ = sum(number.floor and not number.equivalent for number in oracle)
    yield (
        "docs/exact.md",
        f"| it is neither shown to be equivalent nor told apart | {open_} of {len(oracle)} |",
    )


def nearest_rows(table: Table, column: Column) -> tuple[bool, np.ndarray]:
    """Whether a row of PiGDM is nearest by the median, and in which resamples of problems, (resamples,)."""
    exact = next(row for row in table.rows if row.head.solver == FLOOR).scores(column.name)
    scores = {}
    for row in table.rows:
        values = row.scores(column.name)
        if rankable(table, row) and set(values) == set(exact):
            scores[row.name] = np.array([values[name] for name in exact])
    names = list(scores)
    matrix = np.stack([np.array(list(exact.values())), *scores.values()], axis=1)
    drawn = np.repeat(np.arange(len(matrix))[None], RESAMPLES, 0)
    for line, counts in zip(drawn, resample_counts(len(matrix), RESAMPLES), strict=True):
        line[:] = np.repeat(np.arange(len(matrix)), counts)
    ours = np.array([name in PIGDM for name in names])

    def is_ours(medians: np.ndarray) -> np.ndarray:
        """Whether the row nearest to the first one is ours, (.., rows + 1) -> (..)."""
        return ours[np.abs(medians[..., 1:] - medians[..., :1]).argmin(axis=-1)]

    return bool(is_ours(np.median(matrix, axis=0))), is_ours(np.median(matrix[drawn], axis=1))


def main() -> int:
    """Prints every claim with a verdict; 1 where one does not stand in its document."""
    wrong = 0
    for document, line in (*average_ranks(), *nearest()):
        holds = line in (ROOT / document).read_text()
        wrong += not holds
        print(f"{'holds' if holds else 'NOT THERE'}  {document}: {line}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
