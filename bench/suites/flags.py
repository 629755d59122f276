"""Values on the command line: rows and settings of ``--solver``, shapes and parameters of ``check``."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import yaml

from bench.suites.loader import read_yaml
from bench.suites.yamlfile import SuiteError, one_line
from bench.system.gate import scalar, shortened


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
        texts = value.split(",")
        if not all(texts):
            raise SuiteError(f"--solver {flag}: a value is empty; give them as in NAME.param=0.3,1")
        try:
            choices = [read_value(text) for text in dict.fromkeys(texts)]
        except ValueError as error:
            raise SuiteError(f"--solver {shortened(flag)}: {error}") from None
        return cls(name, param, choices, f"--solver {flag}")


def read_value(text: str) -> Any:
    """The value of a parameter on the command line, as in a suite; in quotes it is a text whatever it says.

    Raises:
        ValueError: a number that is not finite or too long.

    >>> read_value("0.3"), read_value("yes"), read_value("'1'")
    (0.3, 'yes', '1')
    """
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return scalar(text)


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


def values_of(settings: Sequence[Setting]) -> dict[str, list[Any]]:
    """Parameter -> the values to try, those of all settings of it together, in the order given."""
    found: dict[str, list[Any]] = {}
    for setting in settings:
        values = found.setdefault(setting.param, [])
        values += [value for value in setting.choices if not _is_among(value, values)]
    return found


def _is_among(value: Any, values: Sequence[Any]) -> bool:
    """Whether a list has a value; 1, 1.0 and true are three values."""
    return any(type(value) is type(other) and value == other for other in values)


def read_shape(text: str) -> tuple[int, ...]:
    """The shape of an image: "3,256,256", or "16" for vectors.

    Raises:
        SuiteError: it is none.
    """
    sides = text.split(",")
    if len(sides) not in {1, 3} or not all(re.fullmatch(r"[1-9][0-9]{0,4}", side) for side in sides):
        raise SuiteError(f"--shape {text}: expected C,H,W as in 3,256,256, or D as in 16 for vectors")
    return tuple(int(side) for side in sides)


def read_parameters(flags: Sequence[str]) -> dict[str, Any]:
    """Parameters of an operator, from ``NAME=VALUE`` each: ["std=2"] -> {"std": 2}.

    Raises:
        SuiteError: a flag has another form, or a name comes twice.
    """
    found: dict[str, Any] = {}
    for flag in flags:
        name, _, value = flag.partition("=")
        if not (name and value) or name in found:
            reason = "given twice" if name in found else "expected NAME=VALUE"
            raise SuiteError(f"-p {flag}: {reason}")
        try:
            found[name] = read_yaml(value)[1] if value.startswith("[") else read_value(value)
        except yaml.MarkedYAMLError as error:
            raise SuiteError(
                f"-p {shortened(flag)}: '{shortened(value)}' is not a value: {error.problem}"
            ) from None
        except (ValueError, yaml.YAMLError) as error:
            raise SuiteError(f"-p {shortened(flag)}: {one_line(error)}") from None
    return found
