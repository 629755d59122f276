"""Which records a name or a pattern of the command line means; the same words select in `run`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import attrgetter

from bench.names import matches, nearest, selected
from bench.records.record import Record
from bench.report.text import plain as shown
from bench.suites.flags import Setting, split_flags, values_of
from bench.suites.suite import default_label
from bench.suites.yamlfile import SuiteError


@dataclass(frozen=True)
class Rows:
    """Selects the records of tasks and of solvers; what is not given selects all.

    Attributes:
        solvers: rows or solvers by name or pattern, as "dps" or "dps-*"; "!dps" leaves out; with a setting,
            as "dps.zeta=0.3,1", the rows that `run` makes of it; "!dps.zeta=0.3" leaves those out. A row's
            whole name may have a setting in it, as "dps-100[zeta=0.3]".
        tasks: names or patterns.
        newest: of rows of one label, whether only that is taken for which the newest run of its folder asks.
            `among`, which sees no runs, does not do it.
    """

    solvers: Sequence[str] = ()
    tasks: Sequence[str] = ()
    newest: bool = False

    def among(self, records: Sequence[Record]) -> list[Record]:
        """The selected records.

        Raises:
            SuiteError: a task or solver of which there is no record, or nothing is left.
        """
        return self._of_solvers(self._of_tasks(records))

    def _of_tasks(self, records: Sequence[Record]) -> list[Record]:
        recorded = dict.fromkeys(map(attrgetter("task"), records))
        for pattern in self.tasks:
            if not any(matches(task, pattern) for task in recorded):
                raise SuiteError(f"--task {pattern}: no record of it{nearest(pattern, recorded, 'recorded')}")
        found = [record for record in records if selected(record.task, self.tasks)]
        if records and not found:
            raise SuiteError(f"--task {' --task '.join(self.tasks)}: no task is left")
        return found

    def _of_solvers(self, records: list[Record]) -> list[Record]:
        labels = dict.fromkeys(map(attrgetter("label"), records))
        plain, settings = _split(self.solvers, labels)
        for name in (*plain, *(setting.name for setting in settings)):
            if not any(is_called(name.removeprefix("!"), r) for r in records):
                raise SuiteError(f"--solver {name}: no record of it{nearest(name, labels, 'recorded')}")
        for setting in settings:
            _refuse_unrecorded(setting, records)
        left_out = list(filter(_excludes, self.solvers))
        kept = _split([flag for flag in self.solvers if flag not in left_out], labels)
        not_kept = [_split([flag.removeprefix("!")], labels) for flag in left_out]
        found = []
        for record in records:
            is_kept = not any(kept) or _is_meant(record, *kept)
            if is_kept and not any(_is_meant(record, *one) for one in not_kept):
                found.append(record)
        if records and not found:
            raise SuiteError(f"--solver {' --solver '.join(self.solvers)}: no row is left")
        return found

    def asks_for(self, label: str) -> bool:
        """Whether a row of this label that has no record yet is meant."""
        names = list[str]()
        for flag in self.solvers:
            setting = _setting(flag)
            if setting is None:
                names.append(flag)
            elif not _excludes(flag):  # how a row that is left out in part was run is not known yet
                names.append(setting.name)
        return selected(label.partition("[")[0], names) or selected(label, names)


def _excludes(flag: str) -> bool:
    """Whether a flag says what is left out."""
    return flag.startswith("!")


def _split(flags: Sequence[str], labels: Collection[str]) -> tuple[list[str], list[Setting]]:
    """The plain names among flags, also those of recorded rows with a setting in them, and the settings.

    Raises:
        SuiteError: a setting has another form.
    """
    whole = [flag for flag in flags if flag.removeprefix("!") in labels]
    plain, settings = split_flags([flag for flag in flags if flag not in whole])
    return [*whole, *plain], settings


def _setting(flag: str) -> Setting | None:
    """The setting that a flag is; None for a name."""
    if "=" not in flag:
        return None
    try:
        return Setting.read(flag)
    except SuiteError:  # the whole name of a row, since `among` refuses all else
        return None


def _refuse_unrecorded(setting: Setting, records: Sequence[Record]) -> None:
    """Refuses a setting that no record has, which would select nothing in silence.

    Raises:
        SuiteError: no record of the row has the parameter, or one of the values.
    """
    own = [record.params for record in records if is_called(setting.name.removeprefix("!"), record)]
    known = dict.fromkeys(name for params in own for name in params)
    if setting.param not in known:
        choice = nearest(setting.param, known, "recorded")
        raise SuiteError(f"{setting.flag}: no record of it has a parameter '{setting.param}'{choice}")
    values = [params[setting.param] for params in own if setting.param in params]
    if not any(value in setting.choices for value in values):
        made = ", ".join(dict.fromkeys(map(shown, values)))
        raise SuiteError(f"{setting.flag}: no record of it has such a value; recorded: {made}")


def is_called(name: str, record: Record) -> bool:
    """Whether a name or pattern on the command line is about the record's row or solver."""
    own = {record.label, record.label.partition("[")[0], record.solver}
    return bool({name, default_label(name)} & own) or any(fnmatchcase(called, name) for called in own)


def _is_meant(record: Record, names: Sequence[str], settings: Sequence[Setting]) -> bool:
    """Whether names or settings are about a record."""
    return is_one_of(names, record) or has_settings(record, settings)


def is_one_of(names: Sequence[str], record: Record) -> bool:
    """Whether one of the names is that of the record's row or solver."""
    return any(is_called(name, record) for name in names)


def has_settings(record: Record, settings: Sequence[Setting]) -> bool:
    """Whether settings are about a record's row, and it has one of their values of each parameter.

    So a record is selected by the flags with which `run` makes it.
    """
    values = values_of([setting for setting in settings if is_called(setting.name, record)])
    return bool(values) and all(record.params.get(name) in found for name, found in values.items())
