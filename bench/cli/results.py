"""`report` and `verify`: what is made of recorded runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.command import (
    FAILURE,
    HOW,
    OUTPUT,
    USAGE,
    at_least,
    data_root,
    device,
    fail,
    group,
    loading,
    positive,
    progress,
    say,
    task,
    verb,
)
from bench.names import counted

if TYPE_CHECKING:
    from bench.verify.repeat import Repeat

RESULTS = Path("results")
KINDS = ("png", "svg", "pdf")
"""Formats of figures, as `bench.report.figures.page` has them, which is not imported before it is needed."""

what, again = group("What to report on"), group("What to compute again")
shown, how, output = group("What to show"), group(HOW), group(OUTPUT)


@verb(
    "report",
    "report results/mine results/theirs --html --out reports/both",
    "report --suite linear --html --figures png,pdf",
    "report --suite linear --latex --columns lpips,psnr --precision psnr:1 --sort psnr",
    "report --paper red-diff --from results/reference/linear --out red_diff.md",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER]...")
@what("--suite", "suites", metavar="NAME|FILE", multiple=True, help="The run in results/NAME. Repeatable.")
@what(
    "--from",
    "folders",
    type=click.Path(path_type=Path),
    metavar="DIR",
    multiple=True,
    help="A run folder, as FOLDER. Repeatable.",
)
@what(
    "--paper",
    metavar="NAME",
    help="The tables of this paper instead: red-diff, dps, daps, ... in reports/published.toml.",
)
@what("--html", is_flag=True, help="The page report.html instead: one file to open, search and send.")
@what("--latex", is_flag=True, help="Tables to be put into a paper instead: LaTeX and its .bib.")
@task(shown)
@shown(
    "--solver",
    "solvers",
    metavar="NAME[.param=value]",
    multiple=True,
    help="Only this row or solver, as in dps or 'dps-*'; '!dps' means all but dps. Repeatable.",
)
@shown("--newest", is_flag=True, help="Of rows of one name only that for which the newest run asks.")
@shown("--columns", metavar="NAMES", default="", help="Metrics in the order of the table: lpips,psnr.")
@shown("--precision", metavar="NAME:N,...", default="", help="Decimals of metrics: psnr:1,lpips:4.")
@shown("--sort", metavar="NAME", help="With --latex: the metric that orders the rows.")
@shown("--intervals", is_flag=True, help="With --latex: 95 % intervals beside the numbers.")
@shown("--figures", metavar="KINDS", help="Formats, the first on the page: png,svg,pdf.  [default: png]")
@how(
    "--ms-per-nfe",
    type=positive(10**9),
    metavar="MS",
    help="With --paper: milliseconds per network evaluation, for the hours in the plan.  "
    "[default: estimated from the operations of the network]",
)
@output(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The folder of the report; with --paper a file for the page, which is printed too.  "
    "[default: report/ in the first run folder]",
)
def report(
    paths: tuple[Path, ...],
    suites: tuple[str, ...],
    folders: tuple[Path, ...],
    out: Path | None,
    paper: str | None,
    html: bool,
    latex: bool,
    figures: str | None,
    ms_per_nfe: float | None,
    **asked: Any,
) -> None:
    """Renders tables and figures from the records of run FOLDERS.

    Several folders are put together into one report, in which rows of one name whose settings differ carry
    the name of their folder; --task, --solver and --columns say what is shown, and marks are about the rows
    that are shown. With --html it writes one page that opens in a browser from disk: sortable tables,
    pictures, and every number's interval, cost and command. With --latex it writes latex/tables.tex and
    latex/references.bib, and latex/standalone.tex, which shows both. With --paper it prints that paper's own
    tables with the numbers of the runs that are named over theirs, and the commands for what these lack;
    --out PAGE.md writes the long list of numbers to PAGE.csv, too.
    """
    chosen = [*paths, *(run_folder(suite) for suite in suites), *folders]
    if sum((paper is not None, html, latex)) > 1:
        raise click.UsageError("--paper, --html and --latex exclude each other")
    formats = _formats(html, latex, figures, paper)
    _refuse_idle(latex, paper, ms_per_nfe, asked)
    if paper is not None:
        write_paper(paper, chosen, out, ms_per_nfe)
        return
    if not chosen:
        raise click.UsageError("nothing to report on: give --suite NAME or a run folder")
    if out is not None and out.is_file():
        raise click.UsageError(f"--out {out} is a file; give a folder")
    from bench.suites.yamlfile import SuiteError

    try:
        click.echo(write_report(chosen, out or chosen[0] / "report", formats, **asked))
    except ValueError as error:
        fail(str(error), USAGE if isinstance(error, SuiteError) else FAILURE)


def _refuse_idle(latex: bool, paper: str | None, ms_per_nfe: float | None, asked: Mapping[str, Any]) -> None:
    """Refuses options that this kind of report would not heed."""
    if paper is None and ms_per_nfe is not None:
        raise click.UsageError("--ms-per-nfe is for --paper")
    if paper is not None and any(asked.values()):
        raise click.UsageError("--paper shows a paper's own table; it takes no choice of rows or columns")
    if (asked["sort"] is not None or asked["intervals"]) and not latex:
        raise click.UsageError("--sort and --intervals are for --latex")


def _formats(html: bool, latex: bool, figures: str | None, paper: str | None) -> list[str]:
    """The formats of a report; [] for the usual ones."""
    other = [name for name, is_asked in (("html", html), ("tex", latex)) if is_asked]
    if figures is None:
        return other
    if other or paper is not None:
        raise click.UsageError("--figures is for report.md: leave --html, --latex and --paper away")
    kinds = [kind.strip() for kind in figures.split(",")]
    for kind in kinds:
        if kind not in KINDS:
            raise click.UsageError(f"--figures: no format '{kind}'; known: {', '.join(KINDS)}")
    return ["md", "csv", *kinds]


def run_folder(suite: str) -> Path:
    """The folder in which `run` keeps a suite, given by name or by the path of a file.

    The folder of a name need not be that of a suite that is still there.
    """
    if not Path(suite).is_file():
        return RESULTS / suite
    from bench.suites.suite import load_suite

    return RESULTS / load_suite(suite).name


def write_report(folders: list[Path], out: Path, formats: Sequence[str] = (), **asked: Any) -> Path:
    """Renders the report in some formats, by default `bench.report.FORMATS`; returns the path of its page.

    Args:
        asked: as `bench.report.selection.choice.make_choice` takes it.
    """
    from bench.report import FORMATS, render
    from bench.report.selection.choice import make_choice

    return render(folders, out, formats or FORMATS, make_choice(**asked), warn)[0]


def warn(line: str) -> None:
    """Says on stderr what a report also says, since it may not be read at once."""
    say(f"warning: {line}")


def write_paper(name: str, folders: list[Path], out: Path | None, ms_per_nfe: float | None) -> None:
    """Prints a paper's page; to a file ``out`` it goes, too, with every number in a CSV file beside it."""
    from bench.records.files import write_atomic
    from bench.report.papers.paper import paper_report

    found = paper_report(name, folders, ms_per_nfe)
    if out is not None:
        if out.is_dir():
            raise click.UsageError(f"--out {out} is a folder; with --paper give a file")
        if out.suffix == ".csv":
            raise click.UsageError(f"--out {out}: name the page; the CSV is written beside it")
        write_atomic(out, found.page.encode())
        write_atomic(out.with_suffix(".csv"), found.listing)
    if found.conflicts:
        warn(found.conflicts)
    click.echo(found.page, nl=False)


@verb(
    "verify",
    "verify results/reference/linear",
    "verify results/reference/linear --solver dps --task 'blur_*' --images 2",
    "verify results/reference/exact --images 1 --progress none",
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@again(
    "--suite",
    "suite_name",
    metavar="NAME|FILE",
    help="Only this suite. It also says how to make rows whose manifest does not.",
)
@again(
    "--solver",
    "solvers",
    metavar="NAME[.param=value]",
    multiple=True,
    help="Only this row or solver. Repeatable.",
)
@task(again)
@again(
    "--images",
    type=at_least(1),
    metavar="N",
    default=3,
    show_default=True,
    help="Images of each row and task.",
)
@again(
    "--code",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    multiple=True,
    help="The folder of your solvers and operators, whose code may run, also if it has moved. Repeatable.",
)
@again("--trust-code", is_flag=True, help="Run any code that the manifests of the folder name.")
@data_root()
@device()
@how("--batch", type=at_least(1), metavar="N", default=8, show_default=True, help="Images solved together.")
@progress()
def verify(
    folder: Path,
    suite_name: str | None,
    solvers: tuple[str, ...],
    tasks: tuple[str, ...],
    images: int,
    progress: str,
    **how: Any,
) -> None:
    """Computes some of what a run FOLDER records again, and compares.

    It takes some images of every recorded row. The measurement and the counted cost must be equal, and the
    metrics of half of a row's images within one unit of the last digit that tables show, since some solvers
    amplify the rounding of a machine on some images. Otherwise it exits with 1. The manifests say how rows
    were made; where one does not, the suite says it as it is now. Rows that cannot be made again are listed
    with the reason. Code that is not ours is imported only from --code, or with --trust-code: a manifest may
    come from anybody.
    """
    from bench.records.journal import read_records
    from bench.records.manifest import read_manifests

    runs, records = read_manifests(folder), read_records(folder)[0]
    if not (runs and records):
        fail(f"{folder} is no run folder: it has no {'records' if runs else 'manifest'}", FAILURE)
    loading(f"{folder}: {counted(len(records), 'record')}")
    from bench.cli.progress import make_observer
    from bench.cli.tables import repeat_table
    from bench.verify.repeat import recorded_rows
    from bench.verify.repeat import verify as make_again
    from bench.verify.sources import sources
    from bench.verify.wanted import Wanted

    wanted = Wanted(suite_name, solvers, tasks)
    found = wanted.among(records, runs)
    rows, ways = recorded_rows(found), sources(runs, found, wanted, **how)
    repeats, reasons = make_again(ways, rows, images, make_observer(progress, records))
    if repeats:
        click.echo(repeat_table(repeats))
    for name, reason in reasons.items():
        click.echo(f"not compared: {rows[name][0].task}  {rows[name][0].label}: {reason}")
    if left := len(recorded_rows(records)) - len(rows):
        more = counted(left, "recorded row")
        click.echo(f"not compared: {more} that --suite, --task and --solver leave out")
    conclude(repeats, folder)


def conclude(repeats: "Sequence[Repeat]", folder: Path) -> None:
    """Prints the verdict on all repetitions; exits with 1 unless every row was reproduced."""
    if not repeats:
        what = f"none of the records in {folder} can be made again"
        fail(f"{what}: the reasons are above, or another --suite knows them", FAILURE)
    if lost := sum(not r.reproduced for r in repeats):
        fail(f"{lost} of {counted(len(repeats), 'row')} not reproduced", FAILURE)
    made, rows = counted(sum(r.n for r in repeats), "reconstruction"), counted(len(repeats), "row")
    click.echo(f"{made} of {rows} made again, all reproduced")
