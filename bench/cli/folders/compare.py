"""`compare`: two runs or rows, image by image, and a gate for scripts."""

from pathlib import Path

import click

from bench.cli.command import FAILURE, HOW, OUTPUT, fail, group, say, verb

how, output = group(HOW), group(OUTPUT)


@verb(
    "compare",
    "compare results/before results/after --only-changed",
    "compare results/before results/after --gate psnr:-0.05 --gate lpips:0.002",
    "compare results/linear:dps-100 results/linear:ddrm-100",
    "compare results/linear results/linear --reference ddrm-100 --out reports/against_ddrm",
)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@how("--reference", metavar="ROW", help="A row of A beside which every row of B is put.")
@how(
    "--gate",
    "gates",
    metavar="METRIC:CHANGE",
    multiple=True,
    help="Exit with 1 where the mean of a row changes beyond this, as psnr:-0.05 or lpips:0.002. Repeatable.",
)
@how("--columns", metavar="NAMES", default="", help="Metrics in the order of the table: lpips,psnr.")
@output("--only-changed", is_flag=True, help="Only rows of which some image changed.")
@output(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Keep compare.md and two CSV files here."
)
def compare(
    a: str,
    b: str,
    reference: str | None,
    gates: tuple[str, ...],
    columns: str,
    only_changed: bool,
    out: Path | None,
) -> None:
    """Compares two run folders, or two rows as FOLDER:ROW, image by image.

    It prints what differs in code, settings, environment and cost, the change of each metric with an interval
    that holds for all rows of a task at once, and which images moved. A gate is about the mean change over
    the images of both; a row that is gone, an image that is no longer solved and a metric that is absent do
    not pass it.
    """
    from bench.records.files import write_atomic
    from bench.report.compare.gate import read_gate
    from bench.report.compare.report import compare_runs
    from bench.report.selection.choice import make_choice

    try:
        bounds = list(map(read_gate, gates))
        found = compare_runs(a, b, reference, bounds, make_choice(columns=columns), only_changed)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if out is not None:
        for name, data in {"compare.md": found.page.encode(), **found.files}.items():
            write_atomic(out / name, data)
    if found.unlike:
        say(f"warning: {found.unlike}")
    click.echo(found.page, nl=False)
    if found.failures:
        fail("\n".join(map("gate: {}".format, found.failures)), FAILURE)
    if bounds:
        click.echo(f"\n{len(bounds)} gates hold" if len(bounds) > 1 else "\nthe gate holds")
