"""`merge`: several run folders as a new one."""

from pathlib import Path

import click

from bench.cli.command import FAILURE, OUTPUT, fail, group, say, verb
from bench.names import counted

SHOWN = 10
"""Conflicts that are printed; conflicts.csv has all."""


@verb(
    "merge",
    "merge results/mine results/theirs --out results/both",
    "merge results/linear results/linear-more --out results/linear-all",
    "merge shards/1 shards/2 shards/3 --out results/linear",
)
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@group(OUTPUT)(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The new run folder; it must not be there yet.",
)
def merge(folders: tuple[Path, ...], out: Path) -> None:
    """Puts run FOLDERS together into a new one, and leaves them as they are.

    Equal keys count once. Where two folders have another result under the same key, the folder that is named
    first is kept, the other result is listed in conflicts.csv of the new folder, and the exit code is 1.
    """
    if len(folders) < 2:
        raise click.UsageError("merge needs at least two run folders")
    from bench.records.exchange.merge import CONFLICTS
    from bench.records.exchange.merge import merge as put_together

    merged = put_together(folders, out)
    if merged.damaged:
        say(f"warning: {counted(merged.damaged, 'damaged line')} skipped")
    click.echo(f"{out}: {counted(merged.records, 'record')} of {counted(len(folders), 'folder')}")
    if not merged.conflicts:
        return
    for one in merged.conflicts[:SHOWN]:
        what = f"{one.task}  {one.row}  {one.image}  {one.key[:12]}: {one.difference}"
        say(f"{what}: {one.kept} is kept, {one.left_out} is left out")
    n = counted(len(merged.conflicts), "key")
    fail(f"{n} with another result; all are in {out / CONFLICTS}", FAILURE)
