"""`export`: records as a table for other programs."""

from pathlib import Path

import click

from bench.cli.command import OUTPUT, group, say, verb
from bench.names import counted


@verb(
    "export",
    "export results/linear",
    "export results/reference/exact",
    "export results/mine results/theirs --to records.csv",
    "export results/linear --to linear.parquet",
)
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@group(OUTPUT)(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A file .csv or .parquet.  [default: records.parquet in the run folder]",
)
def export(folders: tuple[Path, ...], to: Path | None) -> None:
    """Keeps all records of run FOLDERS as a table.

    docs/records.md documents the columns. Without --to it is records.parquet in the run folder:
    `bench.records.load` reads it in place of the journals until records are added. It can be deleted and made
    again. Parquet needs pyarrow: pip install 'diffusion-inverse-bench[export]'.
    """
    if to is None:
        if len(folders) > 1:
            raise click.UsageError("name the file for several folders: --to FILE.csv or FILE.parquet")
        from bench.records.table import export as keep

        kept = keep(folders[0])
        _warn(kept.conflicts)
        click.echo(kept.path)
        return
    from bench.records.exchange.tables import write_table

    written = write_table(folders, to)
    _warn(written.conflicts)
    click.echo(f"{to}: {counted(written.rows, 'record')}")


def _warn(conflicts: str) -> None:
    """Tells of keys that have several results."""
    if conflicts:
        say(f"warning: {conflicts}")
