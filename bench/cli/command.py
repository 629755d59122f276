"""What the verbs share: help with options in groups and examples, common options, and errors.

Errors that a user can cause become lines on stderr and an exit code: 0 all done; 1 something could not be
computed, read or written; 2 the request does not make sense; 130 Ctrl-C.
"""

import functools
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from bench.system.gate import real, seconds, short, whole

MOST_PARTS = 1_000_000
"""Images, batches or shards that an option may ask for."""
USAGE, FAILURE, INTERRUPTED = 2, 1, 130
EXPECTED = {
    "SuiteError": USAGE,
    "UserCodeError": USAGE,
    "DataError": USAGE,
    "PriorError": USAGE,
    "DeviceError": USAGE,
    "PublishedError": USAGE,
    "AssetUnavailable": FAILURE,
    "DownloadError": FAILURE,
    "ListUnavailable": FAILURE,
    "OSError": FAILURE,
}
"""Exit codes of the errors that say all there is to say. They are known by name, since most of their modules
import torch."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Verb(click.Command):
    """A command whose help shows its options in groups, and examples.

    Args:
        examples: what follows ``python -m bench``, one line each.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = tuple(examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                title = param.group if isinstance(param, GroupedOption) else "Other options"
                groups.setdefault(title, []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}python -m bench {example}\n")


class GroupedOption(click.Option):
    """An option that stands under a title in the help of its verb."""

    def __init__(self, *args: Any, group: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.group = group


def verb(name: str, *examples: str) -> Callable[[Callable[..., Any]], Verb]:
    """Makes a function a `Verb`, whose expected errors become lines on stderr."""

    def decorate(function: Callable[..., Any]) -> Verb:
        return click.command(name, cls=Verb, examples=examples)(plain_errors(function))

    return decorate


def group(title: str) -> Callable[..., Decorator]:
    """``click.option`` for options that stand under this title in the help."""
    return functools.partial(click.option, cls=GroupedOption, group=title)


class NumberRange(click.ParamType):
    """A kind of value: a number within bounds, as `bench.system.gate` reads it.

    Args:
        above: whether ``low`` itself is out of range; for ``kind`` float.
    """

    name = "number"

    def __init__(self, kind: type[int] | type[float], low: int, high: int, above: bool = False) -> None:
        self.kind, self.low, self.high, self.above = kind, low, high, above

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not isinstance(value, str):
            return float(value) if self.kind is float else int(value)
        try:
            if self.kind is int:
                return whole(value, self.low, self.high)
            return real(value, self.low, self.high, self.above)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType):
    """A kind of value: a time such as 8h -> its seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not isinstance(value, str):
            return float(value)
        try:
            return seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class ShardIndex(click.ParamType):
    """A kind of value: i/n -> (i, n)."""

    name = "i/n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        first, _, second = value.partition("/")
        try:
            n = whole(second, 1, MOST_PARTS)
            return whole(first, 1, n), n
        except ValueError as error:
            self.fail(f"{short(value)} is not i/n with 1 <= i <= n, as in 1/4: {error}", param, ctx)


class PictureCount(click.ParamType):
    """A kind of value: all, none or first:N -> None, 0 or N."""

    name = "all|first:N|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        word, _, number = str(value).partition(":")
        if value in {"all", "none"}:
            return None if value == "all" else 0
        try:
            return whole(number if word == "first" else "", 0, MOST_PARTS)
        except ValueError:
            self.fail(f"{short(value)} is none of all, none, first:N", param, ctx)


def at_least(low: int, high: int = MOST_PARTS) -> NumberRange:
    """A kind of value: a whole number from ``low`` to ``high``."""
    return NumberRange(int, low, high)


def positive(high: int) -> NumberRange:
    """A kind of value: a finite number above 0, up to ``high``."""
    return NumberRange(float, 0, high, above=True)


WHERE, HOW, OUTPUT = "Where", "How", "Output"
"""Titles that several verbs use."""


def task(option: Callable[..., Decorator]) -> Decorator:
    """The option ``--task``, made by `group` or `click.option`."""
    return option(
        "--task",
        "tasks",
        metavar="NAME",
        multiple=True,
        help="Only this task, as in hdr or 'blur_*'; '!hdr' means all but hdr. Repeatable.",
    )


def prior(option: Callable[..., Decorator]) -> Decorator:
    """The option ``--prior``, made by `group`."""
    return option(
        "--prior",
        metavar="NAME|FILE",
        help="Another prior than the suite's: a name, a card (.toml), diffusers:FOLDER, azula:NAME, or your "
        "own function, file.py:function.",
    )


def data_root() -> Decorator:
    """The option ``--data-root``."""
    return group(WHERE)(
        "--data-root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The folder of your ImageNet or FFHQ images.  "
        "[default: BENCH_IMAGENET, BENCH_FFHQ or BENCH_DATA]",
    )


def device(title: str = WHERE) -> Decorator:
    """The option ``--device``."""
    return group(title)(
        "--device", metavar="NAME", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ..."
    )


def progress(title: str = OUTPUT) -> Decorator:
    """The option ``--progress``."""
    return group(title)(
        "--progress",
        type=click.Choice(["auto", "rich", "plain", "none"]),
        default="auto",
        show_default=True,
        help="Bars (rich) or lines (plain) on stderr; auto shows bars on a terminal.",
    )


def plain_errors(function: Callable[..., None]) -> Callable[..., None]:
    """Turns the errors that a user can cause into lines and an exit code; others keep their traceback."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            function(*args, **options)
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except BrokenPipeError:  # whoever reads our output has seen enough, as `head` has
            raise
        except Exception as error:
            codes = [EXPECTED[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in EXPECTED]
            if not codes:
                raise
            fail(str(error), codes[0])

    return wrapped


def say(line: str) -> None:
    """Prints a line on stderr, apart from the results."""
    click.echo(line, err=True)


def loading(what: str) -> None:
    """Says, within a second of the start, what the command is about and why nothing else is seen yet."""
    say(f"{what}; loading torch ...")


def fail(message: str, code: int) -> NoReturn:
    """Prints the message on stderr, line by line, and exits."""
    for line in message.splitlines():
        say(f"error: {line}")
    sys.exit(code)


def command_line(arguments: Iterable[str]) -> str:
    """The command as a manifest keeps it, to be published.

    An absolute path is shown from the working folder, or by its name alone where it lies elsewhere.
    """
    return shlex.join(["python", "-m", "bench", *map(portable, arguments)])


def portable(text: str) -> str:
    """An argument of the command line without what lies above the working folder."""
    option, equals, value = text.rpartition("=") if text.startswith("-") else ("", "", text)
    path = Path(value)
    if not path.is_absolute():
        return text
    here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path.name
    return f"{option}{equals}{here}"
