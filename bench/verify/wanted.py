"""Which records of a folder the command line means."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.names import matches, nearest, selected
from bench.records.manifest import RunManifest
from bench.records.record import Record
from bench.suites.flags import Setting, split_flags, values_of
from bench.suites.suite import SuiteError, default_label, load_suite


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
        return self._of_solvers(self._of_tasks(of_suite))

    def _of_tasks(self, records: Sequence[Record]) -> list[Record]:
        recorded = dict.fromkeys(r.task for r in records)
        for pattern in self.tasks:
            if not any(matches(task, pattern) for task in recorded):
                raise SuiteError(f"--task {pattern}: no record of it{nearest(pattern, recorded, 'recorded')}")
        found = [r for r in records if selected(r.task, self.tasks)]
        if records and not found:
            raise SuiteError(f"--task {' --task '.join(self.tasks)}: no task is left")
        return found

    def _of_solvers(self, records: list[Record]) -> list[Record]:
        plain, settings = split_flags(self.solvers)
        labels = dict.fromkeys(r.label for r in records)
        for name in (*plain, *(setting.name for setting in settings)):
            if not any(is_called(name, r) for r in records):
                raise SuiteError(f"--solver {name}: no record of it{nearest(name, labels, 'recorded')}")
        if not self.solvers:
            return records
        return [r for r in records if is_one_of(plain, r) or has_settings(r, settings)]


def is_called(name: str, record: Record) -> bool:
    """Whether a name on the command line is that of the record's row or solver."""
    return bool({name, default_label(name)} & {record.label, record.label.partition("[")[0], record.solver})


def is_one_of(names: Sequence[str], record: Record) -> bool:
    """Whether one of the names is that of the record's row or solver."""
    return any(is_called(name, record) for name in names)


def has_settings(record: Record, settings: Sequence[Setting]) -> bool:
    """Whether settings are about a record's row, and it has one of their values of each parameter.

    So a record is selected by the flags with which `run` makes it.
    """
    values = values_of([setting for setting in settings if is_called(setting.name, record)])
    return bool(values) and all(record.params.get(name) in found for name, found in values.items())


def suite_name(given: str, runs: Sequence[RunManifest]) -> str:
    """The name of a suite by file or name; a name that manifests know need not be one of ours."""
    return given if given in {run.suite for run in runs} else load_suite(given).name
