"""The report of some run folders: tables, numbers and figures, from records and manifests only. No torch in
here.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.records.files import StoreError, write_atomic
from bench.records.journal import read_records
from bench.records.manifest import read_manifest
from bench.records.record import Record
from bench.report import diversity, exact
from bench.report.columns import Metric, metrics_of
from bench.report.figures import exact_plots, grid, plot, ranks
from bench.report.figures.colours import colours, markers
from bench.report.markdown import document
from bench.report.numbers import sheet
from bench.report.planned import Run
from bench.report.scores import Reference, Scores, Sets, judge, reference
from bench.report.tables import Table, build

FORMATS = ("md", "csv", "png")


def render(
    folders: str | Path | Sequence[str | Path], out: str | Path, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Renders report.md, tables.csv and the figures; equal records give equal bytes.

    Args:
        folders: one run folder, or several whose records are put together (equal keys count once).
        out: folder to write into; made if absent.
        formats: any of `FORMATS`; the Markdown shows the figures where "png" is among them.

    Returns:
        The files written, report.md first.

    Raises:
        ValueError: an unknown format, or no records.
        StoreError: a folder that does not exist, or a file that cannot be read or written.
    """
    folders = [Path(f) for f in ([folders] if isinstance(folders, (str, Path)) else folders)]
    records, n_bad = _records(folders, formats)
    runs = sorted(
        (run for folder in folders for run in read_manifest(folder)), key=lambda run: run.get("created") or ""
    )
    found, sets = build(records, runs), Sets(folders, runs)
    tables, blocks = (
        [table for table in found if (table.head.samples_per_problem > 1) is exact] for exact in (False, True)
    )
    of_blocks = {
        name for table in blocks for row in table.rows for record in row.records for name in record.metrics
    }
    metrics = [metric for metric in metrics_of(tables, runs) if metric.name not in of_blocks]
    scores = [{metric.name: judge(table, metric, sets) for metric in metrics} for table in tables]
    anchors = [reference(table, metrics, judged, sets) for table, judged in zip(tables, scores, strict=True)]
    sets.save()
    find = finder(folders)
    spreads = [diversity.measure(table, find) for table in tables]
    files, pages = exact_files(blocks, runs, formats) if blocks else ({}, [])
    figures: dict[str, str] = {}
    if tables and "png" in formats:
        pictures = _pictures(tables, metrics, scores, anchors, spreads, find)
        figures = {name: f"{name}.png" for name in pictures}
        files |= {f"{name}.png": data for name, data in pictures.items()}
    if tables and "csv" in formats:
        files = {"tables.csv": sheet(tables, metrics, scores)} | files
    if "md" in formats:
        if tables:
            pages = [document(tables, metrics, scores, anchors, spreads, runs, figures, n_bad), *pages]
        files = {"report.md": "\n".join(pages).encode()} | files
    for name, data in files.items():
        write_atomic(Path(out) / name, data)
    return [Path(out) / name for name in files]


def exact_files(
    blocks: Sequence[Table], runs: Sequence[Run], formats: Sequence[str]
) -> tuple[dict[str, bytes], list[str]]:
    """The files of the tables of exact suites, but for their first page, which comes as text."""
    metrics = metrics_of(blocks, runs)
    judged = [exact.numbers(table, metrics) for table in blocks]
    files = {"exact.csv": exact.sheet(blocks, judged)} if "csv" in formats else {}
    pictures = exact_plots.draw(blocks, judged) if "png" in formats else {}
    files |= {f"{name}.png": data for name, data in pictures.items()}
    if "md" not in formats:
        return files, []
    page, others = exact.document(blocks, metrics, judged, runs, {name: f"{name}.png" for name in pictures})
    return files | {name: text.encode() for name, text in others.items()}, [page]


def _records(folders: Sequence[Path], formats: Sequence[str]) -> tuple[list[Record], int]:
    """All records and the number of damaged lines, once the request makes sense."""
    unknown = [f for f in formats if f not in FORMATS]
    if unknown or not folders:
        raise ValueError(
            f"unknown format '{unknown[0]}'; known: {', '.join(FORMATS)}"
            if unknown
            else "no run folder given"
        )
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise StoreError(f"no run folder {missing[0]}; run a suite first")
    records, n_bad = read_records(*folders)
    if not records:
        raise ValueError(
            f"no records in {', '.join(map(str, folders))} ({n_bad} damaged lines); run a suite first"
        )
    return records, n_bad


def finder(folders: Sequence[Path]) -> grid.Find:
    """What finds a file below objects/ in the first folder that holds it."""

    def find(name: str) -> Path | None:
        return next((path for folder in folders if (path := folder / "objects" / name).is_file()), None)

    return find


def _pictures(
    tables: Sequence[Table],
    metrics: Sequence[Metric],
    scores: Sequence[Scores],
    anchors: Sequence[Reference | None],
    spreads: Sequence[dict[str, diversity.Spread]],
    find: grid.Find,
) -> dict[str, bytes]:
    """Figure name -> PNG bytes, for the figures that the records allow."""
    palette, shapes = colours(tables), markers(tables)
    by_name = {metric.name: metric for metric in metrics}
    first = by_name.get("psnr") or next((m for m in metrics if m.better), None)
    drawn: dict[str, bytes | None] = {}
    if first:
        drawn["quality_vs_seconds"] = plot.draw(tables, scores, anchors, first, palette, shapes)
    if "lpips" in by_name:
        drawn["lpips_vs_seconds"] = plot.draw(tables, scores, anchors, by_name["lpips"], palette, shapes)
    for table, judged, spread in zip(tables, scores, spreads, strict=True):
        drawn[f"grid_{table.slug}"] = grid.draw(
            table, first, judged[first.name] if first else {}, palette, find
        )
        drawn[f"ranks_{table.slug}"] = ranks.draw(table, spread, palette)
    return {name: data for name, data in drawn.items() if data}
