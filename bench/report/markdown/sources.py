"""What the rows of a table rest on: papers, and certificates of the solvers' code."""

from collections.abc import Iterable, Sequence

from bench.certify.certificates import UNCERTIFIED, certification_status
from bench.records.record import Record
from bench.report.rows import Method, method_of
from bench.report.tables import Row, Table
from bench.report.text import citation, code, distinct, escape

LIMITS = {"Certified": f". Not certified: {UNCERTIFIED}", "Uncertified": ""}


def sources(tables: Sequence[Table]) -> list[str]:
    """The papers of some tables, and which code of each solver keeps its closed-form laws."""
    papers: list[tuple[str, Method]] = []
    solvers: list[Record] = []
    for table in tables:
        for row in table.rows:
            papers.append((row.head.solver, row.method))
            if not row.head.baseline:
                solvers += row.records
        for record in table.skipped:
            papers.append((record.solver, method_of(record, table.entries.get(record.cell))))
    return [*_papers(papers), *_certificates(_codes(solvers))]


def certified(row: Row) -> str:
    """Whether all code behind a row's records is certified, as a word; "" for a baseline."""
    if row.head.baseline:
        return ""
    status = map(certification_status, _codes(row.records))
    return "certified" if all(is_certified for is_certified, _ in status) else "uncertified"


def _codes(records: Iterable[Record]) -> list[Record]:
    """One record of each code of each solver."""
    found = {(r.solver, r.source_sha256, r.code_sha256, r.solver_rev): r for r in records}
    return list(found.values())


def _certificates(codes: Sequence[Record]) -> list[str]:
    """The certified solvers and the others, each with the reasons for all its codes."""
    found: dict[str, dict[str, list[str]]] = {"Certified": {}, "Uncertified": {}}
    for record in codes:
        is_certified, why = certification_status(record)
        found["Certified" if is_certified else "Uncertified"].setdefault(record.solver, []).append(why)
    lines = []
    for word, solvers in found.items():
        texts = [f"{code(solver)} ({'; '.join(distinct(reasons))})" for solver, reasons in solvers.items()]
        if texts:
            lines.append(f"{word}: {', '.join(texts)}{LIMITS[word]}.")
    return lines


def _papers(methods: Iterable[tuple[str, Method]]) -> list[str]:
    """The papers, each with the solvers that it is about, and its title where a manifest has it."""
    papers: dict[tuple[str, str], list[str]] = {}
    for solver, method in methods:
        if method.paper or (method.title and method.kind == "method"):
            papers.setdefault((method.title, method.paper), []).append(solver)
    links = []
    for (title, paper), solvers in papers.items():
        named = f"{escape(', '.join(distinct(solvers)))}" + (f": *{escape(title)}*" if title else "")
        links.append(f"{named} {citation(paper)}".rstrip())
    return [f"Papers: {'; '.join(links)}."] if links else []
