"""The rows of the page: methods, with what marks each in figures."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.certify.certificates import UNCERTIFIED, certification_status
from bench.names import counted
from bench.records.manifest import RowEntry, RunManifest
from bench.records.record import Record
from bench.report.figures.colours import place_methods
from bench.report.rows import Method, Row, method_of
from bench.report.tables import Table
from bench.report.text import distinct


@dataclass(frozen=True)
class Known:
    """A row of the page with all that tables say of it.

    Attributes:
        solver, preset, paper: as a record or a manifest has them.
        base: "baseline" or "anchor", "" for a method.
        method: None where nothing describes it.
        rows: its rows in the tables, none where it was only skipped or not run yet.
    """

    solver: str
    preset: str
    paper: str
    base: str
    method: Method | None
    rows: tuple[Row, ...]


def row_entries(tables: Sequence[Table], runs: Sequence[RunManifest]) -> list[dict[str, Any]]:
    """All rows, in the order of the tables, then those that were only skipped or asked for.

    ``earlier`` is 1 for a row under whose label the newest run asks for another one.
    """
    known = _known_rows(tables, runs)
    places = _places(known)
    used: Counter[str] = Counter()
    entries = []
    for name, one in known.items():
        state, certificate = _certificate(one)
        entries.append(
            {
                "id": name,
                "solver": one.solver,
                "preset": one.preset,
                "paper": one.paper,
                "base": one.base,
                "hue": places.get(one.solver, -1),
                "variant": used[one.solver],
                "nfe": round(max((row.mean("nfe") or 0 for row in one.rows), default=0)),
                "vjp": round(max((row.mean("vjps") or 0 for row in one.rows), default=0)),
                "n": max((len(row.images) for row in one.rows), default=0),
                "why": _why_unranked(name, one, tables),
                "state": state,
                "certificate": certificate,
                "earlier": int(any(name in table.earlier for table in tables)),
                "from": distinct(folder for row in one.rows for folder in row.folders),
            }
        )
        used[one.solver] += 1
    return entries


def _known_rows(tables: Sequence[Table], runs: Sequence[RunManifest]) -> dict[str, Known]:
    """Row name -> what is known of it."""
    rows: dict[str, list[Row]] = {}
    for table in tables:
        for row in table.rows:
            rows.setdefault(row.name, []).append(row)
    known = {name: _recorded(found[0].head, found[0].method, found) for name, found in rows.items()}
    planned = {row.label: row for run in runs for row in run.rows}
    for table in tables:
        for record in table.skipped:
            method = method_of(record, table.entries.get(record.cell))
            known.setdefault(record.label, _recorded(record, method, ()))
        for label in table.pending:
            known.setdefault(label, _asked(label, planned.get(label)))
    return known


def _recorded(head: Record, method: Method, rows: Iterable[Row]) -> Known:
    base = "" if method.kind == "method" else method.kind
    return Known(
        head.solver, head.preset or "", method.paper, base or "baseline" * head.baseline, method, tuple(rows)
    )


def _asked(label: str, entry: RowEntry | None) -> Known:
    """A row that is only in manifests."""
    if entry is None:
        return Known(label, "", "", "", None, ())
    base = "baseline" * bool(entry.baseline) if entry.kind in {None, "method"} else entry.kind
    return Known(entry.solver or label, entry.preset or "", entry.paper or "", base or "", None, ())


def _places(known: dict[str, Known]) -> dict[str, int]:
    """Solver -> place of its colour and shape, as in figures; methods without records come last."""
    found: dict[str, int] = {}
    for is_recorded in (True, False):
        methods: dict[str, Method | None] = {}
        for one in known.values():
            if not one.base and bool(one.rows) == is_recorded:
                methods.setdefault(one.solver, one.method)
        found = place_methods(methods, found)
    return found


def _why_unranked(name: str, one: Known, tables: Sequence[Table]) -> str:
    """Why a row is ranked on no task, if it is not; "" for baselines."""
    if one.base or not one.rows:
        return "" if one.rows else "no results on any task"
    reasons = []
    for table in tables:
        for row in table.rows:
            if row.name == name:
                reasons.append(unranked(table, row))
    return "" if "" in reasons else "; ".join(distinct(reasons))


def unranked(table: Table, row: Row) -> str:
    """Why a row is not ranked on a task; "" where it is."""
    if row.head.baseline or row.method.kind != "method":
        return "a baseline" if row.head.baseline else "an anchor"
    if row.name in table.strangers:
        return f"it saw another measurement on {counted(table.strangers[row.name], 'image')}"
    if row.n_failed:
        return f"{counted(row.n_failed, 'reconstruction')} failed"
    if row.missing:
        return f"{row.missing} of {counted(len(row.images), 'image')} not run yet"
    if row.name in table.unusual:
        return f"{counted(len(row.images), 'image')}, the others have {table.usual}"
    return ""


def _certificate(one: Known) -> tuple[str, str]:
    """Whether all code behind a row's records is certified, as a word, and the reasons; "" for baselines."""
    if one.base or not one.rows:
        return "", ""
    found: dict[tuple[bool, str], None] = {}
    codes: dict[tuple[Any, ...], Record] = {}
    for row in one.rows:
        for record in row.records:
            codes[record.source_sha256, record.code_sha256, record.solver_rev] = record
    for record in codes.values():
        found[certification_status(record)] = None
    why = "; ".join(text for _, text in found)
    if all(is_certified for is_certified, _ in found):
        return "certified", f"Keeps its closed-form laws: {why}. Not certified: {UNCERTIFIED}."
    return "uncertified", f"{why[0].upper()}{why[1:]}."
