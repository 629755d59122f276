"""What an exception means for a record: its status, and its reason in one line."""

import contextlib
import inspect
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.checks.shared import Untouched
from bench.plan.cell import Cell
from bench.records.files import StoreError
from bench.run.solve import ContractViolation, SolverTimeout
from bench.system.code.reads import reading, refuse_undeclared
from bench.system.device import out_of_memory


class Failure(NamedTuple):
    """Stands in the place of a result that there is not."""

    status: str
    reason: str


class ScoringError(RuntimeError):
    """A metric or file that could not be made: the message says which, the cause why."""


@contextlib.contextmanager
def scoring(what: str) -> Iterator[None]:
    """Names what is computed inside, for the reason of a record.

    Raises:
        ScoringError: for whatever is raised inside, except a `StoreError`.
        StoreError: raised inside.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise ScoringError(what) from error


def failure(error: BaseException, own: str = "") -> Failure:
    """The status and the reason of an image that an exception cost.

    Args:
        own: a file whose line is named rather than the last one.
    """
    cause, doing = error, ""
    if isinstance(error, ScoringError) and error.__cause__ is not None:
        cause, doing = error.__cause__, f"scoring ({error}): "
    status = "out_of_memory" if out_of_memory(cause) else "failed"
    return Failure(status, doing + describe(cause, own))


def describe(error: BaseException, own: str = "") -> str:
    """One line: what was raised, and where; an exception of ours says it all itself."""
    if type(error).__module__.partition(".")[0] == "bench":
        return str(error)
    first_line = (str(error).splitlines() or [""])[0]
    text = f"{type(error).__name__}: {first_line[:300]}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    chosen = [frame for frame in frames if frame.filename == own] or frames
    if not chosen:
        return text
    return f"{text} ({Path(chosen[-1].filename).name}:{chosen[-1].lineno})"


def diverged(step: int, steps: int | None) -> Failure:
    """The failure of an image that was first not finite at this step of so many."""
    of = f" of {steps}" if steps else ""
    return Failure("diverged", f"not finite at step {step}{of}")


def what_it_means(error: BaseException, cell: Cell, measured: bool) -> Failure:
    """What an exception means, by where it came from: measuring, or a solver, whose own line is named."""
    if isinstance(error, SolverTimeout):
        return Failure("timeout", str(error))
    if not measured:
        status, reason = failure(error)
        return Failure(status, f"measuring: {reason}")
    return failure(error, inspect.getfile(type(cell.solver)))


@contextlib.contextmanager
def watched(cell: Cell, guards: Mapping[str, Untouched]) -> Iterator[None]:
    """Notices what a solver may not do: change what all share, or read a file that no key knows of.

    Raises:
        ContractViolation: it changed something, which is put back.
        UserCodeError: a user's solver reads a file of which it does not say so.
    """
    changed: list[str] = []
    with reading() as opened:
        try:
            yield
        finally:
            for name, guard in guards.items():
                if paths := guard.restore():
                    changed.append(f"{name} ({paths[0]})")
    if changed:
        what = f"{cell.name} changed {' and '.join(changed)}, which other rows share"
        raise ContractViolation(f"{what}; it was put back")
    if cell.config["solver"]["source"]:
        refuse_undeclared(type(cell.solver), opened)
