"""`report`: tables and figures from records."""

from pathlib import Path

import click

from bench.cli.errors import FAILURE, fail, plain_errors

RESULTS = Path("results")


@click.command()
@click.option(
    "--suite", "suites", metavar="NAME|FILE", multiple=True, help="The run in results/<suite>. Repeatable."
)
@click.option(
    "--from",
    "folders",
    type=click.Path(path_type=Path),
    metavar="DIR",
    multiple=True,
    help="A run folder. Repeatable.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder; with --paper the file of the page, which is printed too.  [default: report/ in the first run folder]",
)
@click.option(
    "--paper", metavar="NAME", help="That paper's tables: red-diff, dps, pigdm, ddrm, ddnm, diffpir or daps."
)
@click.option(
    "--ms-per-nfe",
    type=click.FloatRange(0, min_open=True),
    metavar="MS",
    help="With --paper, milliseconds per network evaluation in the plan.  [default: assumed from its operations]",
)
@plain_errors
def report(
    suites: tuple[str, ...],
    folders: tuple[Path, ...],
    out: Path | None,
    paper: str | None,
    ms_per_nfe: float | None,
) -> None:
    """Renders tables and figures from records; several run folders are put together.

    With --paper: ours beside that paper's numbers, and the commands for what is not recorded yet.
    """
    chosen = [*(run_folder(suite) for suite in suites), *folders]
    if paper is not None:
        write_paper(paper, chosen, out, ms_per_nfe)
        return
    if not chosen:
        raise click.UsageError("nothing to report on: give --suite NAME or --from DIR")
    if out is not None and out.is_file():
        raise click.UsageError(f"--out {out} is a file; give a folder")
    try:
        click.echo(write_report(chosen, out or chosen[0] / "report"))
    except ValueError as error:
        fail(str(error), FAILURE)


def run_folder(suite: str) -> Path:
    """Where `run` puts a suite, given by name or by the path of a file, which need not be there any more."""
    if not Path(suite).is_file():
        return RESULTS / suite
    from bench.suites.suite import load_suite

    return RESULTS / load_suite(suite).name


def write_report(folders: list[Path], out: Path) -> Path:
    """Renders the report; its page."""
    from bench.report import render

    return render(folders, out)[0]


def write_paper(name: str, folders: list[Path], out: Path | None, ms_per_nfe: float | None) -> None:
    """Prints a paper's page, and keeps it in a file."""
    from bench.records.files import write_atomic
    from bench.report.papers.paper import paper_page

    page = paper_page(name, folders, ms_per_nfe)
    if out is not None:
        if out.is_dir():
            raise click.UsageError(f"--out {out} is a folder; with --paper give a file")
        write_atomic(out, page.encode())
    click.echo(page, nl=False)
