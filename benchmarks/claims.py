"""Computes again what the documents claim across tasks, from the committed records, and looks for it there.

    python benchmarks/claims.py           # seconds; exit code 1 where a claim no longer holds

Each claim has the interval that other images or problems of the same tasks would give, or counts what is
shown with 95 % certainty in each task.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # beside this file, `statistics` would not be the standard library's

from bench.report.across.ranks import over_tasks  # noqa: E402
from bench.report.columns import Column  # noqa: E402
from bench.report.exact import FLOOR, judge  # noqa: E402
from bench.report.ranking import judge_all, rankable  # noqa: E402
from bench.report.scores import Sets  # noqa: E402
from bench.report.tables import Table  # noqa: E402
from bench.stats.intervals import FEWEST  # noqa: E402
from benchmarks.findings import RECORDS, RESAMPLES, distances, findings, medians, scores_of, tables_of, told  # noqa: E402

PIGDM = ("pigdm-100", "pigdm-score-100")
"""The two tuned rows of PiGDM in suite exact-full."""
Claim = tuple[str, str]
"""A document, and the line that must stand in it."""


def average_ranks() -> Iterator[Claim]:
    """Average ranks of the first and the second row of suite linear, by PSNR and LPIPS."""
    tables, columns = tables_of("linear", metrics=("psnr", "lpips"))
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
    tables, (mmd,) = tables_of("exact-full", metrics=("mmd",))
    tables = [table for table in tables if table.usual >= FEWEST]
    counts = np.zeros(1 + RESAMPLES)
    for table in tables:
        counts += nearest_rows(table, mmd)
    text = f"{counts[0]:.0f} of {len(tables)} {told(counts, '.0f').partition(' ')[2]}"
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


def nearest_rows(table: Table, column: Column) -> np.ndarray:
    """Whether a row of PiGDM is nearest by the median, and in resamples of the problems, (1 + RESAMPLES,)."""
    exact = next(row for row in table.rows if row.head.solver == FLOOR)
    problems = exact.scores(column.name).keys()
    rows = [r for r in table.rows if rankable(table, r) and r.scores(column.name).keys() == problems]
    found = medians(scores_of([exact, *rows], column.name))
    ours = np.array([row.name in PIGDM for row in rows])
    return ours[np.abs(found[:, 1:] - found[:, :1]).argmin(axis=1)]


def main() -> int:
    """Prints every claim with a verdict; 1 where one does not stand in its document."""
    wrong = 0
    for document, line in (
        *average_ranks(),
        *nearest(),
        *(("docs/exact.md", line) for line in distances()),
        *(("docs/findings.md", line) for line in findings()),
    ):
        holds = line in (ROOT / document).read_text()
        wrong += not holds
        print(f"{'holds' if holds else 'NOT THERE'}  {document}: {line}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
