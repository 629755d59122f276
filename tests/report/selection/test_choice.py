"""Columns, digits and rows that are asked for, from the options to the page."""

import pytest

from bench.report import render
from bench.report.columns import KNOWN
from bench.report.selection.choice import make_choice
from bench.suites.suite import SuiteError
from tests.made_run import make_run, records


def test_columns_come_in_the_order_and_with_the_digits_that_are_asked_for():
    found = make_choice(columns="lpips, psnr", precision="psnr:0").of_columns(KNOWN)
    assert [(column.name, column.decimals) for column in found] == [("lpips", 3), ("psnr", 0)]
    assert make_choice().of_columns(KNOWN) == list(KNOWN)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"columns": "psnr,,ssim"}, "--columns psnr,,ssim: expected different metrics"),
        ({"columns": "psnr,psnr"}, "expected different metrics"),
        ({"precision": "psnr"}, "--precision psnr: expected METRIC:DECIMALS"),
        ({"precision": "psnr:99"}, "--precision psnr:99: expected METRIC:DECIMALS"),
    ],
)
def test_options_of_another_form_are_refused(asked, message):
    with pytest.raises(SuiteError, match=message):
        make_choice(**asked)


def test_a_page_shows_the_rows_columns_and_digits_that_are_asked_for(tmp_path):
    make_run(tmp_path / "run", records())
    choice = make_choice(solvers=["best", "worse"], columns="misfit,psnr", precision="psnr:4")
    page = render(tmp_path / "run", tmp_path / "out", ("md",), choice)[0].read_text()
    rows = [line for line in page.splitlines() if line.startswith(("| best", "| worse", "| same", "| pinv"))]
    assert rows and not any(line.startswith(("| same", "| pinv")) for line in rows)
    assert "misfit | PSNR" in page and "not run" not in page.lower()
    for choice, message in (
        (make_choice(sort="misfit"), "--sort misfit: none of its values is the best; choose one of psnr"),
        (make_choice(sort="psnr", columns="lpips"), "--sort psnr: --columns leaves it out"),
        (make_choice(sort=""), "--sort : no such metric"),
    ):
        with pytest.raises(SuiteError, match=message):
            choice.check(KNOWN)
    for choice in (make_choice(columns="psnt"), make_choice(sort="nothing")):
        with pytest.raises(SuiteError, match="no such metric"):
            render(tmp_path / "run", tmp_path / "out", ("md",), choice)
