"""`tune`: the same search for every method."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.command import (
    FAILURE,
    HOW,
    INTERRUPTED,
    OUTPUT,
    USAGE,
    WHERE,
    at_least,
    data_root,
    device,
    fail,
    group,
    loading,
    prior,
    say,
    task,
    verb,
)
from bench.cli.results import RESULTS
from bench.names import counted

if TYPE_CHECKING:
    from bench.plan.options import Options
    from bench.tune.families import TaskFamily
    from bench.tune.outlook import Outlook
    from bench.tune.request import SearchRequest
    from bench.tune.search import Found

what, much, where, how, output = (group(title) for title in ("What to tune", "How much", WHERE, HOW, OUTPUT))
MOST_EVALUATIONS = 10**12
ENGINE = ("batch", "device", "dtype", "deterministic", "data_root", "retry")
"""Parameters of `tune` that say how to compute."""
CHOICE = ("solvers", "suites", "tasks", "wanted", "prior", "dataset")
"""Parameters of `tune` that say what is searched."""


@verb(
    "tune",
    "tune --dry-run",
    "tune --solver my_solver.py --family masks --write",
    "tune --solver dps --solver ddrm.steps=20 --objective psnr --workers 2",
    "tune --suite exact --objective mmd --solver dps.clip=false --steps 50",
)
@what(
    "--solver",
    "solvers",
    metavar="NAME[.param=value]",
    multiple=True,
    help="A method whose card has a search space, or file.py, file.py:Class; with a parameter that is fixed, "
    "not searched. Repeatable.  [default: all of ours]",
)
@what(
    "--suite",
    "suites",
    metavar="NAME|FILE",
    multiple=True,
    default=("linear", "nonlinear"),
    show_default=True,
    help="Where the tasks come from. Repeatable.",
)
@what(
    "--family",
    "wanted",
    metavar="NAME",
    multiple=True,
    help="Only these tasks, which share their settings: masks, super-resolution, blur, hdr, phase, or the "
    "name of a task that is in none of them. Repeatable.",
)
@task(what)
@what(
    "--objective",
    "objectives",
    metavar="NAME",
    multiple=True,
    default=("psnr", "lpips"),
    show_default=True,
    help="psnr, ssim, lpips, psnr-misfit (among those that fit y) or mmd (of priors in closed form). One "
    "search serves all. Repeatable.",
)
@prior(what)
@what(
    "--dataset",
    metavar="NAME|FILE",
    help="Images that no suite evaluates.  [default: those kept for tuning, such as fashion32_tune]",
)
@much("--steps", type=at_least(1), default=100, show_default=True, metavar="N", help="`steps` of a method.")
@much("--images", type=at_least(1), default=16, show_default=True, metavar="N", help="To search on, a task.")
@much("--fresh", type=at_least(1), default=32, show_default=True, metavar="N", help="To choose on, a task.")
@much("--samples", type=at_least(1, 10_000), default=1, show_default=True, metavar="K", help="Of an image.")
@much(
    "--candidates",
    type=at_least(1, 10_000),
    default=12,
    show_default=True,
    metavar="N",
    help="The budget pays for so many, if they make no backward passes.",
)
@much(
    "--budget",
    type=at_least(1, MOST_EVALUATIONS),
    metavar="E",
    help="Instead: network evaluations of a search, a backward pass counted as one.",
)
@much("--seed", type=at_least(0, 10**18 - 1), default=0, metavar="N", help="Of candidates and streams.")
@data_root()
@device()
@where("--workers", type=at_least(1, 1024), default=1, metavar="N", help="Searches at the same time.")
@how("--batch", type=at_least(1), metavar="N", help="Images solved together.  [default: 8]")
@how(
    "--dtype",
    type=click.Choice(["float32", "float64", "bfloat16", "float16"]),
    default="float32",
    help="Numbers in which the network and the solver compute.",
)
@how("--deterministic", is_flag=True, help="One image at a time: the same bits after every kill.")
@how("--retry", is_flag=True, help="Run again what failed or ran out of memory.")
@how("--dry-run", is_flag=True, help="Print candidates, evaluations and time; compute and write nothing.")
@output("--write", is_flag=True, help="Write what is found into the cards, with its provenance.")
@output(
    "--preset",
    "presets",
    metavar="OBJECTIVE=NAME",
    multiple=True,
    help="Another name of a preset than the default: psnr=bench, lpips=lpips, mmd=exact.",
)
@output(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    default=RESULTS / "tune",
    show_default=True,
    help="Folder of the searches.",
)
@output("--quiet", is_flag=True, help="Say nothing on stderr while it works.")
def tune(
    out: Path, workers: int, dry_run: bool, write: bool, presets: tuple[str, ...], quiet: bool, **asked: Any
) -> None:
    """Searches for the settings of methods, each with the same budget.

    A method's card says what may be tried. Presets do not enter a search. Whatever is recorded is not
    computed again, so a search that was stopped goes on where it was.
    """
    names = preset_names(presets, asked["objectives"])
    engine = {name: asked.pop(name) for name in ENGINE}
    if not quiet:
        loading("tune")
    pairs = chosen(**{name: asked.pop(name) for name in CHOICE}, objectives=asked["objectives"])
    requests = make_requests(pairs, out, parse_engine(engine), **asked)
    if write:
        from bench.tune.written.presets import card_path

        for request in requests:
            card_path(request.spec)
    if dry_run:
        print_outlook(requests)
        return
    try:
        results = search_all(requests, out, workers, quiet)
    except KeyboardInterrupt:
        fail(f"interrupted; what is recorded is kept in {out}: run again to go on", INTERRUPTED)
    if write:
        write_all(results, names)
    refuse_failed(results)


def preset_names(presets: Sequence[str], objectives: Sequence[str]) -> dict[str, str]:
    """Objective -> preset, from the command line."""
    names = {}
    for text in presets:
        objective, _, name = text.partition("=")
        if objective not in objectives or not name.replace("-", "").replace("_", "").isalnum():
            chosen = ", ".join(objectives)
            raise click.UsageError(f"--preset {text}: expected OBJECTIVE=NAME, with one of {chosen}")
        names[objective] = name
    return names


def chosen(
    solvers: Sequence[str],
    suites: Sequence[str],
    tasks: Sequence[str],
    wanted: Sequence[str],
    prior: str | None,
    dataset: str | None,
    objectives: Sequence[str],
) -> list[tuple[str, dict[str, Any], "TaskFamily"]]:
    """Methods, what is fixed of them, and families; names are checked before torch is loaded."""
    from bench.tune.families import families
    from bench.tune.methods import methods
    from bench.tune.objectives import objectives as known

    known(objectives)
    made = families(suites, tasks, wanted, dataset, prior)
    return [(spec, fixed, family) for (spec, fixed), family in itertools.product(methods(solvers), made)]


def parse_engine(engine: dict[str, Any]) -> "Options":
    """How to compute; no pictures are kept."""
    from bench.plan.options import make_options

    try:
        return make_options(pictures=0, **engine)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def make_requests(
    pairs: Sequence[tuple[str, dict[str, Any], "TaskFamily"]],
    out: Path,
    options: "Options",
    objectives: Sequence[str],
    images: int,
    fresh: int,
    samples: int,
    seed: int,
    **amount: Any,
) -> list["SearchRequest"]:
    """A search for each method and family."""
    from bench.tune.request import SearchRequest, check_request, refuse_twice
    from bench.tune.trials import Size

    size, names = Size(images, fresh, samples, seed), tuple(dict.fromkeys(objectives))
    requests = []
    for spec, fixed, family in pairs:
        request = SearchRequest(spec, fixed, family, names, size=size, options=options, root=out, **amount)
        check_request(request)
        requests.append(request)
    refuse_twice(requests)
    return requests


def print_outlook(requests: Sequence["SearchRequest"]) -> None:
    """Prints what the searches would do."""
    from bench.system.device import threads
    from bench.tune.outlook import outlook
    from bench.tune.tables import outlook_lines

    rows: list[tuple[SearchRequest, Outlook]] = []
    for request in requests:
        say(f"{request.name} ...")
        rows.append((request, outlook(request)))
    click.echo("\n".join(outlook_lines(rows, threads())))


def tell(asked: "SearchRequest", found: "Found") -> None:
    """Says how far a search is."""
    from bench.tune.tables import progress_line

    say(progress_line(asked, found))


def ignore(asked: "SearchRequest", found: "Found") -> None:
    """Says nothing."""


def search_all(
    requests: Sequence["SearchRequest"], out: Path, workers: int, quiet: bool
) -> list[tuple["SearchRequest", "Found"]]:
    """Runs all searches, prints what each finds, and writes the table of all candidates."""
    from bench.records.files import write_atomic
    from bench.tune.run import alone, run_searches
    from bench.tune.tables import candidates_csv, found_lines

    results: dict[str, tuple[SearchRequest, Found]] = {}
    with alone(out):
        for request, found in run_searches(requests, workers, ignore if quiet else tell):
            click.echo("\n".join(found_lines(request, found)))
            results[request.name] = request, found
        ordered = [results[request.name] for request in requests]
        if any(found.candidates for _, found in ordered):
            table = out / "candidates.csv"
            before = table.read_text("utf-8", "replace") if table.exists() else ""
            write_atomic(table, candidates_csv(ordered, before).encode())
            click.echo(f"\ncandidates: {table}")
    return ordered


def refuse_failed(results: Sequence[tuple["SearchRequest", "Found"]]) -> None:
    """Exits where searches failed, with a line for each reason, or where none found anything."""
    from bench.tune.tables import failure_lines

    failed = [found for _, found in results if found.failure]
    if failed:
        code = USAGE if all(found.is_request for found in failed) else FAILURE
        fail("\n".join(failure_lines(results)), code)
    if not any(any(found.winners) for _, found in results):
        fail(f"{counted(len(results), 'search')}: no candidate can be chosen; the reasons are above", FAILURE)


def write_all(results: Sequence[tuple["SearchRequest", "Found"]], names: dict[str, str]) -> None:
    """Writes all presets that were found; one that cannot be written costs no other."""
    from bench.suites.yamlfile import SuiteError
    from bench.tune.written.presets import write_presets

    lost, lines = [], list[str]()
    for request, found in results:
        try:
            lines += write_presets(request, found, names)
        except SuiteError as error:
            lost.append(str(error))
    for line in dict.fromkeys(lines):
        click.echo(line)
    if lost:
        fail("\n".join(lost), FAILURE)
