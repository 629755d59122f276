"""`export`: records as a table for other programs."""

from pathlib import Path

import click

from bench.cli.command import verb


@verb(
    "export",
    "export results/linear",
    "export results/reference/exact",
    "export /data/runs/ffhq",
)
@click.argument("folder", type=click.Path(path_type=Path))
def export(folder: Path) -> None:
    """Keeps all records of a run FOLDER as a table, in its records.parquet.

    `bench.records.load` reads it in place of the journals until records are added, and so can any program
    that reads Parquet. It can be deleted and made again. It needs pyarrow: pip install
    'diffusion-inverse-bench[export]'.
    """
    from bench.records.table import export

    click.echo(export(folder))
