"""What ``--solver`` says: plain names of rows, and settings of their parameters."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import yaml

from bench.suites.yamlfile import SuiteError


class Setting(NamedTuple):
    """What ``NAME.param=value,value`` of the command line says."""

    name: str
    param: str
    choices: list[Any]
    flag: str

    @classmethod
    def read(cls, flag: str) -> Self:
        """As in "dps.zeta=0.3,1" -> dps, zeta, [0.3, 1].

        Raises:
            SuiteError: it is of another form.
        """
        left, _, value = flag.partition("=")
        name, dot, param = left.rpartition(".")
        if not (dot and name and param and value):
            raise SuiteError(f"--solver {flag}: expected NAME or NAME.param=value")
        try:
            return cls(
                name, param, [yaml.safe_load(v) for v in dict.fromkeys(value.split(","))], f"--solver {flag}"
            )
        except yaml.YAMLError:
            raise SuiteError(f"--solver {flag}: '{value}' is not a value") from None


def split_flags(flags: Sequence[str]) -> tuple[list[str], list[Setting]]:
    """Plain names, and settings.

    Raises:
        SuiteError: a setting is of another form.
    """
    return [flag for flag in flags if "=" not in flag], [Setting.read(flag) for flag in flags if "=" in flag]


def selecting(rows: Sequence[Any], flags: Sequence[str], is_called: Callable[[str, Any], bool]) -> list[str]:
    """The names among flags that select rows: the plain ones, and those of settings of which no plain one
    selects a row.
    """
    plain, settings = split_flags(flags)
    kept = [row for row in rows if any(is_called(name, row) for name in plain)]
    return plain + [s.name for s in settings if not any(is_called(s.name, row) for row in kept)]
