"""The values of ``--solver``: plain names of rows, and settings of their parameters."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import yaml

from bench.suites.yamlfile import SuiteError


class Setting(NamedTuple):
    """A parameter of a row with the values to try, from ``NAME.param=value,value`` on the command line."""

    name: str
    param: str
    choices: list[Any]
    flag: str

    @classmethod
    def read(cls, flag: str) -> Self:
        """Reads a flag: "dps.zeta=0.3,1" -> dps, zeta, [0.3, 1].

        Raises:
            SuiteError: the flag has another form.
        """
        left, _, value = flag.partition("=")
        name, dot, param = left.rpartition(".")
        if not (dot and name and param and value):
            raise SuiteError(f"--solver {flag}: expected NAME or NAME.param=value")
        try:
            choices = [yaml.safe_load(text) for text in dict.fromkeys(value.split(","))]
        except yaml.YAMLError:
            raise SuiteError(f"--solver {flag}: '{value}' is not a value") from None
        return cls(name, param, choices, f"--solver {flag}")


def split_flags(flags: Sequence[str]) -> tuple[list[str], list[Setting]]:
    """The plain names among flags, and the settings.

    Raises:
        SuiteError: a setting has another form.
    """
    names, settings = [], []
    for flag in flags:
        if "=" in flag:
            settings.append(Setting.read(flag))
        else:
            names.append(flag)
    return names, settings


def selecting(rows: Sequence[Any], flags: Sequence[str], is_called: Callable[[str, Any], bool]) -> list[str]:
    """The names among flags that select rows.

    These are the plain ones, and those of settings unless a plain one selects a row of that name.
    """
    plain, settings = split_flags(flags)
    kept = []
    for row in rows:
        if any(is_called(name, row) for name in plain):
            kept.append(row)
    names = list(plain)
    for setting in settings:
        if not any(is_called(setting.name, row) for row in kept):
            names.append(setting.name)
    return names
