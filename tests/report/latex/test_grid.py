"""Which numbers are bold and which are underlined."""

from dataclasses import replace
from pathlib import Path

from bench.report import exact
from bench.report.columns import KNOWN
from bench.report.latex.grid import of_images, of_problems
from bench.report.ranking import judge_all
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import exact_table, records

PSNR = KNOWN[0]


def images(found):
    (table,) = build(found, [])
    return of_images(judge_all(table, [PSNR], Sets([Path("nowhere")]), {}), [PSNR])


def test_best_and_inseparable_rows_are_bold_and_the_next_is_underlined():
    grid = images(records())
    shown = {
        row.name: grid.cells["psnr"][row.name].latex(PSNR, row.head.baseline, False)
        for row in grid.table.rows
    }
    assert shown["best"].startswith(r"\textbf{") and shown["same"].startswith(r"\textbf{")
    assert shown["worse"].startswith(r"\underline{")
    assert shown["pinv"].startswith(r"\textit{") and shown["fails"].startswith("(")


def test_rows_are_ordered_by_a_metric_best_first():
    grid = images(records())
    assert [row.name for row in grid.ordered("psnr").table.rows][:2] == ["fails", "best"]
    assert grid.ordered(None) is grid


def test_intervals_stand_beside_numbers_where_they_are_finite():
    cell = images(records()).cells["psnr"]["best"]
    assert r"{\scriptsize [" in cell.latex(PSNR, False, True)
    assert "scriptsize" not in replace(cell, low=float("nan")).latex(PSNR, False, True)
    assert (
        replace(cell, mean=float("inf"), mark="best")
        .latex(PSNR, False, True)
        .startswith(r"\textbf{$\infty$}")
    )


def test_an_exact_suite_shows_medians_nearest_to_exact_samples():
    floor = [0.2 + i / 100 for i in range(16)]
    rows = {"exact": floor, "near": [value + 0.001 for value in floor]}
    rows |= {"far": [value + 3 for value in floor], "further": [value + 9 for value in floor]}
    table = exact_table(mmd=rows)
    column = replace(PSNR, name="mmd", label="MMD", higher_is_better=False)
    grid = of_problems(table, [column], exact.numbers(table, [column]))
    cells = grid.cells["mmd"]
    numbers = exact.numbers(table, [column])["mmd"].rows
    assert grid.statistic == "median" and numbers["near"].equivalent and numbers["near"].mark == "best"
    assert cells["near"].latex(column, False, False).startswith(r"\underline{\textbf{")
    assert cells["far"].latex(column, False, False)[0].isdigit() and not cells["further"].second
