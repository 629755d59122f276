"""Whose code `verify` runs. A run folder may come from anybody, and its manifests name files to import."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.suites.suite import Suite
from bench.system.code.reads import UserCodeError
from bench.system.code.user_code import is_user_code


@dataclass(frozen=True)
class Trust:
    """Lets through what may be imported.

    Attributes:
        everything: whether all code that a manifest names is.
        folders: of files that the user names; code in or below them is.
    """

    everything: bool = False
    folders: Sequence[Path] = ()

    def refuse(self, suite: Suite) -> None:
        """Refuses a suite that names code which may not be imported.

        Raises:
            UserCodeError: it does.
        """
        for spec in () if self.everything else users_code(suite):
            if not (is_lost(spec) or self._lies_in_a_folder(spec)):
                raise UserCodeError(
                    f"it needs the code {spec}, which is not ours; read it, and then --trust-code runs it, "
                    "or --code DIR what lies in your folder"
                )

    def _lies_in_a_folder(self, spec: str) -> bool:
        """Whether a name is of a file in one of the folders; a link counts as what it leads to."""
        file = file_of(spec)
        if file.suffix != ".py":
            return False
        return any(file.resolve().is_relative_to(folder.resolve()) for folder in self.folders)


def file_of(spec: str) -> Path:
    """The file of ``file.py:Class``, or whatever stands before the colon."""
    return Path(spec.rpartition(":")[0] if ":" in spec else spec)


def is_lost(spec: str) -> bool:
    """Whether a name is of a file that is not there, from which nothing can be imported."""
    file = file_of(spec)
    return file.suffix == ".py" and not file.is_file()


def users_code(suite: Suite) -> Iterator[str]:
    """Yields the code that is not ours of a suite's solvers, operators and priors."""
    for spec in (*(row.solver for row in suite.solvers), *(row.operator for row in suite.tasks)):
        if is_user_code(spec):
            yield spec
    for name in dict.fromkeys(row.prior or suite.prior for row in suite.tasks):
        kind, _, rest = name.partition(":")
        if kind == "azula":
            place = rest.rpartition(":")[0] or rest
            if place.endswith(".py") or "." in place:
                yield rest
        elif kind != "diffusers" and not name.endswith(".toml") and is_user_code(name):
            yield name
