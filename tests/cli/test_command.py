"""What the verbs share: help in groups with examples, kinds of values, errors as lines."""

import errno
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from bench.cli import VERBS, cli
from bench.cli.command import GroupedOption, PictureCount, ShardIndex, command_line, fail, plain_errors, verb
from tests import ROOT
from tests.commands import bench


def test_help_imports_nothing_heavy():
    """Guards the start-up time of --help: torch alone takes a second."""
    heavy = "{'torch', 'pandas', 'matplotlib', 'numpy', 'rich', 'pydantic'}"
    code = f"import sys, bench.cli; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in VERBS:
        assert bench(command.name, "--help").exit_code == 0


@pytest.mark.parametrize("command", VERBS, ids=lambda command: command.name)
def test_help_has_options_in_groups_with_a_text_and_three_examples(command):
    page = bench(command.name, "--help").output
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert all(isinstance(option, GroupedOption) and option.help for option in options)
    for title in {option.group for option in options}:
        assert f"\n{title}:\n" in page
    assert 3 <= len(command.examples) <= 4 and page.count("\n  python -m bench ") == len(command.examples)
    first = command.get_short_help_str(100)
    assert first.endswith(".") and len(first) <= 72, "it stands in the list of verbs"


@pytest.mark.parametrize("example", [example for command in VERBS for example in command.examples])
def test_examples_parse(example, monkeypatch):
    monkeypatch.chdir(ROOT)
    name, *words = shlex.split(example.partition(" | ")[0])
    cli.commands[name].make_context(name, words)


def test_verbs_are_listed_in_the_order_of_use():
    page = bench("--help").output.partition("Commands:")[2]
    assert [line.split()[0] for line in page.splitlines() if line.strip()] == [v.name for v in VERBS]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ShardIndex(), "2/3", (2, 3)),
        (PictureCount(), "all", None),
        (PictureCount(), "none", 0),
        (PictureCount(), "first:12", 12),
    ],
)
def test_values_of_options(kind, text, value):
    assert kind.convert(text, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ShardIndex(), "0/3"),
        (ShardIndex(), "4/3"),
        (ShardIndex(), "a/3"),
        (ShardIndex(), "1"),
        (PictureCount(), "last:3"),
        (PictureCount(), "first:"),
    ],
)
def test_values_that_options_refuse(kind, text):
    with pytest.raises(click.BadParameter, match=text):
        kind.convert(text, None, None)


def test_expected_errors_are_lines_and_others_keep_their_traceback():
    class SuiteError(ValueError):
        pass

    class Particular(SuiteError):
        pass

    errors = {
        "suite": Particular("one\ntwo"),
        "disk": OSError("full"),
        "stop": KeyboardInterrupt(),
        "bug": KeyError("x"),
    }

    @verb("raises")
    @click.argument("what")
    def raises(what):
        raise errors[what]

    found = {what: CliRunner().invoke(raises, [what]) for what in errors}
    assert {what: result.exit_code for what, result in found.items()} == {
        "suite": 2,
        "disk": 1,
        "stop": 130,
        "bug": 1,
    }
    assert found["suite"].stderr == "error: one\nerror: two\n"
    assert found["stop"].stderr == "error: interrupted\n" and found["bug"].stderr == ""
    assert isinstance(found["bug"].exception, KeyError)
    assert plain_errors(fail).__name__ == "fail"


def test_a_published_command_shows_nothing_above_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "run",
        "--suite",
        f"{tmp_path}/a b.yaml",
        "--out=/elsewhere/out",
        "--task",
        "!hdr",
        "--shard",
        "1/2",
    ]
    told = "python -m bench run --suite 'a b.yaml' --out=out --task '!hdr' --shard 1/2"
    assert command_line(words) == told


def test_a_reader_that_has_seen_enough_causes_no_message():
    """`python -m bench certify | head -1`; click ends such a command by itself."""

    @verb("breaks")
    def breaks():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    result = CliRunner().invoke(breaks, [])
    assert result.exit_code == 1 and result.stderr == ""
