"""Computes again what the documents claim across tasks, from the committed records, and looks for it there.

    python benchmarks/claims.py           # seconds; exit code 1 where a table no longer holds
    python benchmarks/claims.py --write   # writes the tables into the documents

Each claim has the interval that other images or problems of the same tasks would give, or counts what is
shown with 95 % certainty in each task. The tables of scores are those of the report of suite linear.
"""

import sys
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # beside this file, `statistics` would not be the standard library's

from bench.report.across.ranks import over_tasks  # noqa: E402
from bench.report.columns import Column  # noqa: E402
from bench.report.exact import FLOOR, compared, is_further, judge  # noqa: E402
from bench.report.ranking import judge_all, rankable  # noqa: E402
from bench.report.scores import Sets  # noqa: E402
from bench.report.tables import Row, Table  # noqa: E402
from bench.stats.intervals import FEWEST  # noqa: E402
from bench.suites import presets  # noqa: E402
from benchmarks.findings import PUBLISHED, distances, findings  # noqa: E402
from benchmarks.recorded import RECORDS, backward_passes, medians, scores_of, tables_of, told  # noqa: E402

NEAR_PRIOR = 0.5
"""MMD over the prior's from which a row tells little more than the prior does."""
BICUBIC = 3
"""The task of suite linear that README leaves out."""
ZETAS = (
    ("d 8, sigma 1", "exact-mixture8", "d8-m2-s1"),
    ("d 800, sigma 0.05", "exact-mixture800", "d800-m2-s0.05"),
)
"""Line, prior and task of the table of DPS's step."""
BESIDE = (
    ("DPS, sigma 1", "dps-100", "d8-m2-s1"),
    ("DiffPIR, sigma 0.2", "diffpir-100", "d8-m2-s0.2"),
    ("DDRM, sigma 0.2", "ddrm-100", "d8-m2-s0.2"),
)
"""Line, row and task of the table of published settings."""
MARKS = "⁼≈ʷ"
"""What a report puts behind a score, beside bold."""


@dataclass(frozen=True)
class Claim:
    """The lines that a table of a document must have.

    Attributes:
        document: its path from the root.
        section: the heading above the table.
        head: how the first line of the table starts.
        lines: those below its rule.
    """

    document: str
    section: str
    head: str
    lines: tuple[str, ...]

    def place_in(self, text: Sequence[str]) -> slice:
        """Where a document, in lines, has those of the table.

        Raises:
            ValueError: it has no such table.
        """
        headings = [i for i, line in enumerate(text) if line.lstrip("#").strip() == self.section]
        for top in range(headings[0] if headings else len(text), len(text)):
            if text[top].startswith(self.head):
                end = next((i for i in range(top, len(text)) if not text[i].startswith("|")), len(text))
                return slice(top + 2, end)
        raise ValueError(f"{self.document}: no table {self.head!r} below {self.section!r}")


def psnr_of_readme() -> Claim:
    """The table of README: the methods that it names, in its order, at 100 evaluations."""
    empty = Claim("README.md", "diffusion-inverse-bench", "| PSNR, dB |", ())
    text, scores = (ROOT / empty.document).read_text().splitlines(), dict(glance("linear", "PSNR"))
    lines = []
    for line in text[empty.place_in(text)]:
        name = line.split(" | ")[0].removeprefix("| ")
        label = "*pinv*" if "A⁺" in name else f"{name.lower().replace('-', '_')}-100"
        if label not in scores:
            raise ValueError(f"README.md: reports/linear/report.md has no row {label}; make it first")
        cells = [cell.rstrip(MARKS) for i, cell in enumerate(scores[label]) if i != BICUBIC]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return replace(empty, lines=tuple(lines))


def lpips_of_results() -> Claim:
    """The table of docs/results.md: all rows of the report."""
    lines = []
    for name, cells in glance("linear", "LPIPS"):
        lines.append(f"| {' | '.join([name, *(cell.rstrip('ʷ') for cell in cells)])} |")
    return Claim("docs/results.md", "LPIPS beside PSNR", "| LPIPS ↓ |", tuple(lines))


def glance(suite: str, metric: str) -> Iterator[tuple[str, list[str]]]:
    """The rows of a report's first table of a metric: name and cells."""
    report = (ROOT / "reports" / suite / "report.md").read_text()
    _, _, below = report.partition(f"\n| {metric}")
    for line in below.partition("\n\n")[0].splitlines()[2:]:
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        yield name, cells


def average_ranks() -> Claim:
    """Average ranks of the first and the second row of suite linear, by PSNR and LPIPS."""
    tables, columns = tables_of("linear", metrics=("psnr", "lpips"))
    judged = [judge_all(table, columns, Sets([RECORDS / "linear"]), {}) for table in tables]
    (found,) = over_tasks(judged, columns)
    lines = []
    for column in columns:
        ranks = found.ranks[column.name]
        texts = []
        for name, mean, low, high in zip(ranks.names, ranks.means, ranks.lows, ranks.highs, strict=True):
            texts.append(f"{name} {mean:.2f} [{low:.2f}, {high:.2f}]")
        apart = "separated from the next" if ranks.separated[0, 1] else "not separated from the next"
        lines.append(f"| {column.label}, of {len(texts)} rows | {texts[0]} | {texts[1]} | {apart} |")
    return Claim("docs/results.md", "Over all six tasks", "| average rank by |", tuple(lines))


def oracles() -> Claim:
    """How often the oracle is equivalent to exact samples, in tasks of enough problems."""
    tables, mmd = enough_problems()
    found = [judge(table, mmd).rows for table in tables]
    oracle = [rows["oracle-250"] for rows in found if "oracle-250" in rows]
    equivalent = sum(number.equivalent for number in oracle)
    open_ = sum(number.floor and not number.equivalent for number in oracle)
    lines = (
        f"| it is shown to be equivalent | {equivalent} of {len(oracle)} |",
        f"| it is neither shown to be equivalent nor told apart | {open_} of {len(oracle)} |",
    )
    return Claim("docs/exact.md", "What decides the order", "| the oracle", lines)


def best_zeta() -> Claim:
    """The step of DPS that its searches chose in two tasks."""
    lines = []
    for name, prior, task in ZETAS:
        _, found = presets.resolve("dps", "exact", prior, task, "random_matrix")
        lines.append(f"| {name} | {found['zeta']:g} |")
    return Claim("docs/exact.md", "Tuning", "| best zeta", tuple(lines))


def beside_published() -> Claim:
    """Distances of three methods with published and with tuned settings, at d 8."""
    tables, (mmd,) = tables_of("exact-full", metrics=("mmd",))
    lines = []
    for name, label, task in BESIDE:
        (table,) = (table for table in tables if table.slug == task)
        rows = {row.name: row for row in table.rows}
        pair = [rows[label.replace("-", PUBLISHED + "-")], rows[label]]
        theirs, ours = medians(scores_of(pair, mmd.name))[0]
        lines.append(f"| {name} | {theirs:.2f} | {ours:.2f} |")
    return Claim("docs/exact.md", "Tuning", "| MMD over the prior's, d 8", tuple(lines))


def nearest() -> Claim:
    """In how many tasks of enough problems a tuned row is nearest to exact samples, and none is shown nearer.

    Published settings take part and have no line.
    """
    tables, mmd = enough_problems()
    places, unbeaten, rows = defaultdict(list), Counter(), defaultdict(list)
    for table in tables:
        nearer = count_nearer(table, mmd)
        for row, closest in nearest_rows(table, mmd):
            if PUBLISHED not in row.name:
                places[row.name].append(closest)
                unbeaten[row.name] += not nearer[row.name]
                rows[row.name].append(row)
    counts = {name: sum(closest) for name, closest in places.items()}
    lines = []
    for name in sorted(counts, key=lambda name: (-unbeaten[name], -counts[name][0])):
        cells = backward_passes(rows[name]), f"{len(rows[name])}", told(counts[name], ".0f"), unbeaten[name]
        lines.append(f"| {' | '.join([name, *map(str, cells)])} |")
    return Claim("docs/exact.md", "What decides the order", "| row |", tuple(lines))


def little_measured() -> Claim:
    """The tuned rows where 2 of 80 directions are measured; those that stay near the prior in one line."""
    tables, (mmd,) = tables_of("exact-full", metrics=("mmd",))
    (table,) = (table for table in tables if table.slug == "d80-m2-s0.05")
    rows = [row for row in table.rows if rankable(table, row) and PUBLISHED not in row.name]
    found = medians(scores_of(rows, mmd.name))[0]
    lines, far = [], []
    for i in found.argsort():
        if found[i] < NEAR_PRIOR:
            lines.append(f"| {rows[i].name} | {backward_passes([rows[i]])} | {found[i]:.3f} |")
        else:
            far.append(i)
    names, cost = ", ".join(rows[i].name for i in far), backward_passes([rows[i] for i in far])
    lines.append(f"| {names} | {cost} | {found[far[0]]:.2f} and more |")
    return Claim("docs/exact.md", "What decides the order", "| row, 2 of 80 directions", tuple(lines))


def enough_problems() -> tuple[list[Table], Column]:
    """The tasks of suite exact-full that have enough problems for intervals, and the distance."""
    tables, (mmd,) = tables_of("exact-full", metrics=("mmd",))
    return [table for table in tables if table.usual >= FEWEST], mmd


def count_nearer(table: Table, column: Column) -> dict[str, int]:
    """Ranked row -> how many others are shown to be nearer to exact samples, of all pairs."""
    rows = [row for row in table.rows if row.scores(column.name)]
    exact = next(row.name for row in rows if row.head.solver == FLOOR)
    family, _ = compared({row.name: row.scores(column.name) for row in rows}, exact)
    ranked = [row.name for row in rows if rankable(table, row)]
    distances = {name: family.difference(name, exact) for name in ranked}
    counts = dict.fromkeys(ranked, 0)
    for near, far in combinations(sorted(ranked, key=lambda name: abs(distances[name].mean)), 2):
        counts[far] += is_further(distances[far], distances[near], family.difference(far, near))
    return counts


def nearest_rows(table: Table, column: Column) -> Iterator[tuple[Row, np.ndarray]]:
    """Rows, and whether each is nearest by the median and in resamples of the problems, (1 + RESAMPLES,)."""
    exact = next(row for row in table.rows if row.head.solver == FLOOR)
    problems = exact.scores(column.name).keys()
    rows = [r for r in table.rows if rankable(table, r) and r.scores(column.name).keys() == problems]
    found = medians(scores_of([exact, *rows], column.name))
    closest = np.abs(found[:, 1:] - found[:, :1]).argmin(axis=1)
    for i, row in enumerate(rows):
        yield row, (closest == i).astype(float)


def claims() -> Iterator[Claim]:
    """All tables that are computed here."""
    yield psnr_of_readme()
    yield lpips_of_results()
    yield average_ranks()
    yield best_zeta()
    yield beside_published()
    yield little_measured()
    yield oracles()
    yield nearest()
    rows = "All methods at 50 evaluations"
    yield Claim("docs/exact.md", rows, "| row |", tuple(distances()))
    for document, section, head, lines in findings():
        yield Claim(document, section, head, tuple(lines))


def check(claim: Claim) -> bool:
    """Prints the lines of a table that its document lacks or has too many; whether there are none."""
    text = (ROOT / claim.document).read_text().splitlines()
    stand = text[claim.place_in(text)]
    holds = stand == list(claim.lines)
    print(f"{'holds' if holds else 'NOT SO'}  {claim.document}, {claim.section}: {claim.head}")
    for sign, lines, others in (("-", stand, claim.lines), ("+", claim.lines, stand)):
        for line in lines:
            if line not in others:
                print(f"  {sign} {line}")
    return holds


def write(claim: Claim) -> None:
    """Puts the lines of a table into its document."""
    path = ROOT / claim.document
    text = path.read_text().splitlines()
    text[claim.place_in(text)] = claim.lines
    path.write_text("\n".join(text) + "\n")


def main(arguments: Iterable[str] = ()) -> int:
    """Checks or writes every table; 1 where one does not stand in its document."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables into the documents")
    writes = parser.parse_args(list(arguments)).write
    wrong = 0
    for claim in claims():
        if writes:
            write(claim)
        wrong += not check(claim)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
