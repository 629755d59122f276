"""`report`: tables and figures from records."""

from pathlib import Path

import click

from bench.cli.errors import FAILURE, fail, plain_errors

RESULTS = Path("results")


@click.command()
@click.option("--suite", "suites", metavar="NAME|FILE", multiple=True, help="The run in results/<suite>. Repeatable.")
@click.option(
    "--from", "folders", type=click.Path(path_type=Path), metavar="DIR", multiple=True, help="A run folder. Repeatable."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="[default: report/ in the first run folder]")
@plain_errors
def report(suites: tuple[str, ...], folders: tuple[Path, ...], out: Path | None) -> None:
    """Renders tables and figures from records; several run folders are put together."""
    chosen = [*(run_folder(suite) for suite in suites), *folders]
    if not chosen:
        raise click.UsageError("nothing to report on: give --suite NAME or --from DIR")
    try:
        click.echo(write_report(chosen, out or chosen[0] / "report"))
    except ValueError as error:
        fail(str(error), FAILURE)


def run_folder(suite: str) -> Path:
    """Where `run` puts a suite, given by name or by the path of a file, which need not be there any more."""
    if not Path(suite).is_file():
        return RESULTS / suite
    from bench.suites import load_suite

    return RESULTS / load_suite(suite).name


def write_report(folders: list[Path], out: Path) -> Path:
    """Renders the report; its page."""
    from bench.report import render

    return render(folders, out)[0]
