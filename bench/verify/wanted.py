"""Which records of a folder the command line means."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.manifest import RunManifest
from bench.records.record import Record
from bench.report.selection.rows import Rows
from bench.suites.suite import load_suite


@dataclass(frozen=True)
class Wanted:
    """Selects the records of a suite, of tasks, of solvers; what is not given selects all."""

    suite: str | None = None
    solvers: Sequence[str] = ()
    tasks: Sequence[str] = ()

    def among(self, records: Sequence[Record], runs: Sequence[RunManifest]) -> list[Record]:
        """The selected records. Of a suite under whose name there are none, all that it may know by another.

        Raises:
            SuiteError: an unknown suite, or a task or solver of which there is no record.
        """
        called = self.suite and suite_name(self.suite, runs)
        of_suite = [r for r in records if r.suite == called] or list(records)
        return Rows(self.solvers, self.tasks).among(of_suite)


def suite_name(given: str, runs: Sequence[RunManifest]) -> str:
    """The name of a suite by file or name; a name that manifests know need not be one of ours."""
    return given if given in {run.suite for run in runs} else load_suite(given).name
