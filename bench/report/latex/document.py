"""The files: tables to be put into a paper, their .bib, and a document that shows both."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.names import counted
from bench.report.columns import Column
from bench.report.exact import MARGIN
from bench.report.latex.bibliography import Bibliography
from bench.report.latex.grid import Grid
from bench.report.latex.text import escape
from bench.report.selection.choice import Choice
from bench.report.tables import Row
from bench.report.text import count, noise_words, told_words
from bench.stats.intervals import FEWEST

MOST_NUMBERS = 8
"""Most numbers of a line: as many tasks as fit stand side by side."""
NUMBERS_WITH_INTERVALS = 4
ARROWS = {1: r"~$\uparrow$", -1: r"~$\downarrow$", 0: ""}
LEGEND = (
    r"\textbf{Bold}: the best mean, and rows that are not shown to be worse or are equivalent to it; all"
    r" pairs of a task and metric are compared at once (95\,\%). \underline{Underlined}: the best of the"
    r" others. \textit{Italic}: baseline. (Brackets): images failed or are missing. Rows of another number of"
    r" images, which they state, are not ranked."
)
EXACT = (
    r"Medians over problems. \textbf{Bold}: shown to be equivalent to exact samples: within"
    rf" {MARGIN:g} standard deviations of their own distance. \underline{{Underlined}}: the solver nearest to"
    r" exact samples. \textit{Italic}: baseline or anchor. (Brackets): problems failed or are missing."
)
BACKWARD = " NFE: network evaluations + backward passes through the network, per {}."
"""Ends the caption of a table in which some row has backward passes."""
INTERVALS = rf" [Low, high]: 95\,\% intervals over at least {FEWEST} images or problems."
STANDALONE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage{booktabs}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\begin{document}
\input{tables}
%s\end{document}
"""
REFERENCES = "\\bibliographystyle{plain}\n\\bibliography{references}\n"


def files(grids: Sequence[Grid], choice: Choice) -> dict[str, bytes]:
    """File name -> content: latex/tables.tex, latex/references.bib, latex/standalone.tex."""
    cited = Bibliography()
    ordered = [grid.ordered(choice.sort) for grid in grids]  # before its columns go to several tables
    tables = [_table(part, choice, cited) for part in _parts(ordered, choice)]
    references = REFERENCES if cited.entries else ""
    texts = {
        "tables.tex": "% \\usepackage{booktabs}, and \\usepackage[T1]{fontenc}\n" + "\n".join(tables),
        "references.bib": cited.text(),
        "standalone.tex": STANDALONE % references,
    }
    return {f"latex/{name}": text.encode() for name, text in texts.items()}


def _parts(grids: Sequence[Grid], choice: Choice) -> Iterator[list[Grid]]:
    """Tasks that stand side by side, and all metrics that fit: of one suite and kind."""
    most = NUMBERS_WITH_INTERVALS if choice.intervals else MOST_NUMBERS
    part: list[Grid] = []
    width = 0
    for grid in filter(_has_numbers, grids):
        for piece in _pieces(grid, most):
            width += len(piece.columns)
            if part and (width > most or _kind(part[0]) != _kind(piece)):
                yield part
                part, width = [], len(piece.columns)
            part.append(piece)
    if part:
        yield part


def _has_numbers(grid: Grid) -> bool:
    return bool(grid.table.rows and grid.columns)


def _pieces(grid: Grid, most: int) -> Iterator[Grid]:
    """A task with at most so many metrics in each piece."""
    for start in range(0, len(grid.columns), most):
        yield replace(grid, columns=grid.columns[start : start + most])


def _kind(grid: Grid) -> tuple[str, str]:
    return grid.table.head.suite, grid.statistic


def _table(part: Sequence[Grid], choice: Choice, cited: Bibliography) -> str:
    """One floating table."""
    rows: dict[str, Row] = {}
    for grid in part:
        for row in grid.table.rows:
            rows.setdefault(row.name, row)
    lines = [
        r"\begin{table}[htbp]",
        r"\centering\small",
        rf"\caption{{{_caption(part)}}}",
        rf"\label{{tab:{_label(part)}}}",
        rf"\begin{{tabular}}{{l{'r' * sum(len(grid.columns) for grid in part)}r}}",
        r"\toprule",
        *_head(part),
        r"\midrule",
    ]
    for name, row in rows.items():
        lines.append(_line(part, name, row, choice, cited))
    legend = (EXACT if part[0].statistic == "median" else LEGEND) + INTERVALS * choice.intervals
    lines += [r"\bottomrule", r"\end{tabular}", "", rf"\smallskip{{\footnotesize {legend}}}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _caption(part: Sequence[Grid]) -> str:
    """What was measured: noise, images and prior, said once where they are equal in all tasks."""
    facts: dict[str, list[str]] = {}
    for grid in part:
        head = grid.table.head
        noise = noise_words(head.sigma, head.noise)
        noise += f" (solvers are told {told})" if (told := told_words(head.told)) else ""
        what = "image" if grid.statistic == "mean" else "problem"
        images = f"{counted(grid.table.usual, what)} of {head.dataset}"
        titles = facts.setdefault(f"{noise}, {images}, prior {head.prior}", [])
        titles.append(grid.table.title)
    texts = []
    for fact, titles in facts.items():
        texts.append(f"{escape(', '.join(titles))}: {escape(fact)}")
    caption = "; ".join(texts) + r". Noise is of images in [$-$1, 1]."
    if any(row.mean("vjps") for grid in part for row in grid.table.rows):
        caption += BACKWARD.format("image" if part[0].statistic == "mean" else "sample")
    return caption


def _label(part: Sequence[Grid]) -> str:
    """A name for references: letters, digits and hyphens."""
    slugs = "-".join([part[0].table.slug, part[0].columns[0].name])
    return re.sub(r"[^A-Za-z0-9]", "-", slugs)


def _head(part: Sequence[Grid]) -> list[str]:
    """The titles: tasks above metrics, with a rule below each task."""
    tasks, rules, metrics, start = [], [], [], 2
    for grid in part:
        end = start + len(grid.columns) - 1
        tasks.append(rf"\multicolumn{{{len(grid.columns)}}}{{c}}{{{escape(grid.table.title)}}}")
        rules.append(rf"\cmidrule(lr){{{start}-{end}}}")
        for column in grid.columns:
            metrics.append(escape(column.label) + ARROWS[column.better])
        start = end + 1
    return [f" & {' & '.join(tasks)} & \\\\", "".join(rules), f"Method & {' & '.join(metrics)} & NFE \\\\"]


def _line(part: Sequence[Grid], name: str, row: Row, choice: Choice, cited: Bibliography) -> str:
    """One row over all tasks of the table."""
    label = rf"\textit{{{escape(name)}}}" if row.head.baseline else escape(name)
    others: dict[str, None] = {}
    for grid in part:
        if name in grid.table.unusual:
            others[counted(grid.table.unusual[name], "image")] = None
    cells = [label + cited.cite(row) + (f" ({', '.join(others)})" if others else "")]
    for grid in part:
        for column in grid.columns:
            cells.append(_cell(grid, column, name, row, choice))
    return " & ".join([*cells, _evaluations(part, name)]) + r" \\"


def _evaluations(part: Sequence[Grid], name: str) -> str:
    """Network evaluations and backward passes of a row, with a slash where they differ between tasks."""
    counts: dict[str, None] = {}
    for grid in part:
        for row in grid.table.rows:
            if row.name == name and (nfe := row.mean("nfe")) is not None:
                vjps = row.mean("vjps")
                counts[count(nfe) + (f" + {count(vjps)}" if vjps else "")] = None
    return "/".join(counts) or "--"


def _cell(grid: Grid, column: Column, name: str, row: Row, choice: Choice) -> str:
    found = grid.cells[column.name].get(name)
    return found.latex(column, row.head.baseline, choice.intervals) if found else "--"
