"""The command line in tests: `bench("run", ...)`, and runs of the suite of `tests.tiny`."""

from pathlib import Path

from click.testing import CliRunner, Result

from bench.cli import cli


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def run_tiny(folder: Path, out: Path, *arguments: object) -> Result:
    """Runs the first task of the suite that `tests.tiny.build` put into a folder."""
    suite = folder / "tiny.yaml"
    return bench("run", "--suite", suite, "--out", out, "--progress", "plain", "--task", "box", *arguments)
