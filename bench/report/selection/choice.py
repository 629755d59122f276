"""What a report is asked for, beside its folders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.names import nearest
from bench.report.columns import Column
from bench.report.selection.rows import Rows
from bench.suites.yamlfile import SuiteError
from bench.system.gate import whole

MOST_DECIMALS = 9


@dataclass(frozen=True)
class Choice:
    """Selects rows, columns and digits; what is not given is as always.

    Attributes:
        rows: which records.
        columns: names of metrics, in the order of the tables.
        precision: metric -> decimals.
        sort: in LaTeX, the metric that orders the rows of a table, by its first task.
        intervals: in LaTeX, whether each number has its 95 % interval.
    """

    rows: Rows = field(default_factory=Rows)
    columns: Sequence[str] = ()
    precision: Mapping[str, int] = field(default_factory=dict)
    sort: str | None = None
    intervals: bool = False

    def of_columns(self, known: Sequence[Column]) -> list[Column]:
        """Those of the columns that are asked for, with the digits that are asked for."""
        by_name = {column.name: column for column in known}
        found = []
        for name in self.columns or by_name:
            if column := by_name.get(name):
                found.append(replace(column, decimals=self.precision.get(name, column.decimals)))
        return found

    def check(self, columns: Sequence[Column]) -> None:
        """Refuses what is asked of metrics that no table has, and an order that cannot be made.

        Args:
            columns: all that tables have.

        Raises:
            SuiteError: there is no such metric, or none of its values is the best, or it is left out.
        """
        known = {column.name: column for column in columns}
        sort = [] if self.sort is None else [self.sort]
        asked = (("--columns", self.columns), ("--precision", self.precision), ("--sort", sort))
        for option, names in asked:
            for name in names:
                if name not in known:
                    raise SuiteError(f"{option} {name}: no such metric{nearest(name, known)}")
        if self.sort is None:
            return
        if not known[self.sort].better:
            choice = ", ".join(name for name, column in known.items() if column.better)
            raise SuiteError(f"--sort {self.sort}: none of its values is the best; choose one of {choice}")
        if self.columns and self.sort not in self.columns:
            raise SuiteError(f"--sort {self.sort}: --columns leaves it out; name it there, too")


def make_choice(
    solvers: Sequence[str] = (),
    tasks: Sequence[str] = (),
    columns: str = "",
    precision: str = "",
    sort: str | None = None,
    intervals: bool = False,
    newest: bool = False,
) -> Choice:
    """The choice of a command line.

    Args:
        solvers, tasks, newest: as `Rows` takes them.
        columns: names with commas, as in "lpips,psnr".
        precision: decimals with commas, as in "psnr:1,lpips:4".
        sort, intervals: as in `Choice`.

    Raises:
        SuiteError: an option has another form.
    """
    names = list(map(str.strip, columns.split(","))) if columns else []
    if not all(names) or len(set(names)) < len(names):
        raise SuiteError(f"--columns {columns}: expected different metrics with commas, as in lpips,psnr")
    digits = {}
    for part in precision.split(",") if precision else ():
        name, _, text = part.strip().partition(":")
        try:
            digits[name] = whole(text, 0, MOST_DECIMALS)
        except ValueError as error:
            raise SuiteError(f"--precision {part}: expected METRIC:DECIMALS, as in psnr:1: {error}") from None
    return Choice(Rows(solvers, tasks, newest), names, digits, sort, intervals)
