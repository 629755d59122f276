"""The numbers of papers that are about a cell, each with its verdict and the reason."""

from collections.abc import Sequence

from bench.records.manifest import RunManifest
from bench.report.papers.compare import Comparison, Recorded, compare
from bench.report.papers.published import FILE, PublishedError, load_published
from bench.report.rows import Row
from bench.report.scores import Sets
from bench.report.tables import Table

Number = list[str | float]
"""Value, verdict, reason and source."""


class Theirs:
    """Numbers of papers by cell.

    Args:
        tables: ours.
        sets: where FID and KID come from; None for no numbers at all.
        runs: the manifests.
    """

    def __init__(self, tables: Sequence[Table], sets: Sets | None, runs: Sequence[RunManifest]) -> None:
        self._found: dict[tuple[str, str], dict[str, Number]] = {}
        if sets and FILE.is_file():  # it comes with the repository, not with the installed package
            self._compare(Recorded(tables, sets, runs))

    def _compare(self, recorded: Recorded) -> None:
        try:
            published = load_published()
        except PublishedError:
            return
        for entry in published.entries:
            for line in compare(published, entry, recorded):
                if line.ours is None:
                    continue
                table, row = line.ours
                numbers = self._found.setdefault((table.slug, row.name), {})
                source = f"{entry.source}, {published.label(line.row)}"
                for one in line.comparisons:
                    status = entry.status_of(line.row, one.metric)
                    numbers.setdefault(one.metric, _written(one, status, source))

    def of(self, table: Table, row: Row) -> dict[str, Number]:
        """Metric -> a paper's number of this cell."""
        return self._found.get((table.slug, row.name), {})


def _written(one: Comparison, status: str, source: str) -> Number:
    reasons = "; ".join(one.reasons)
    return [one.published.value, f"{one.verdict}, {status}", reasons, source]
