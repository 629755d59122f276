"""How the numbers of exact suites are printed, and on which page."""

from dataclasses import replace

import numpy as np
import pytest

from bench.report.columns import Column
from bench.report.exact import Number, numbers
from bench.report.markdown import exact
from bench.report.markdown.exact import cell, document, glance, section
from bench.report.markdown.page import Damage
from bench.stats.intervals import FEWEST, Median
from tests.made_run import exact_table

MMD = Column("MMD", 3, False, note="a distance.", name="mmd")
VALUES = np.linspace(1, 2, FEWEST)


def test_bold_is_what_is_shown_to_be_equivalent():
    """Not told apart from exact samples is not bold."""
    interval = Median(0.5, 0.4, 0.6, 6)
    best, floored = Number(interval, mark="best"), Number(interval, floor=True, mark="tie")
    equal = Number(interval, floor=True, equivalent=True)
    assert cell(MMD, best, False).startswith("0.500¹") and cell(MMD, floored, False).startswith("0.500ᶠ⁼")
    assert cell(MMD, equal, False).startswith("**0.500**<br>")
    assert cell(MMD, floored, True).startswith("*0.500*ᶠ"), "anchors are never bold"
    assert (
        cell(MMD, Number(interval, partial=True), False).startswith("(0.500)")
        and cell(MMD, None, True) == "–"
    )


def test_tasks_of_few_problems_are_not_in_the_overview():
    whole = exact_table(mmd={"exact": VALUES, "dps": VALUES}, task="whole")
    few = exact_table(mmd={"exact": VALUES[:3], "dps": VALUES[:3]}, task="few")
    judged = [numbers(table, [MMD]) for table in (whole, few)]
    page = "\n".join(glance([whole, few], judged, [MMD]))
    assert (
        "| MMD ↓ | NFE | whole |" in page and f"Of fewer than {FEWEST} problems, and below only: few." in page
    )
    assert glance([few], judged[1:], [MMD]) == [] == glance([whole], judged[:1], [])
    assert "Fewer than 6 problems cannot tell rows apart" in section(few, [MMD], judged[1])[-1]


def test_a_table_that_tells_nothing_apart_says_so():
    table = exact_table(mmd={"exact": VALUES, "dps": VALUES})
    blind = {"mmd": replace(numbers(table, [MMD])["mmd"], seen=np.inf)}
    text = "\n".join(section(table, [MMD], blind))
    assert "At no distance that often" in text and "Told apart from" not in text


def test_a_metric_that_earlier_records_lack_says_of_how_many_problems_it_is():
    table = exact_table(mmd={"exact": VALUES, "dps": VALUES}, ksd={"exact": VALUES[:2], "dps": VALUES[:2]})
    columns = [MMD, Column("score-KSD", 3, False, name="ksd")]
    told = [
        line for line in section(table, columns, numbers(table, columns))[-1].splitlines() if "lack" in line
    ]
    assert told == [f"- Of 2 of {FEWEST} problems only, as the other records lack them: score-KSD."]


@pytest.mark.parametrize("most", [1, 2])
def test_many_tasks_have_a_page_for_each_prior(monkeypatch, most):
    monkeypatch.setattr(exact, "ON_ONE_PAGE", most)
    tables = [exact_table(mmd={"exact": VALUES}, task=f"on {prior}", prior=prior) for prior in ("p", "q")]
    figures = {"variance_split": ["variance_split.png"]}
    judged = [numbers(table, [MMD]) for table in tables]
    page, others = document(tables, [MMD], judged, [], figures, Damage(3))
    assert (
        "](variance_split.png)" in page and "[exact.csv](exact.csv)" in page and "- MMD: a distance." in page
    )
    assert "3 damaged journal lines" in page
    if most == 2:
        assert not others and page.index("## on p") < page.index("## on q")
    else:
        assert set(others) == {"p.md", "q.md"} and "## on q\n" in others["q.md"] and "## on" not in page
        assert "- [p](p.md): on p\n- [q](q.md): on q" in page and "](report.md)" in others["p.md"]


def test_psnr_that_rewards_lost_variance_is_said():
    table = exact_table(
        psnr_sample={"exact": VALUES, "mcg": VALUES + 2},
        var_ratio_measured={"mcg": VALUES / 10},
    )
    remarks = section(table, [], numbers(table, []))[-1]
    assert "mcg +2.00 dB (variance 0.15 measured)" in remarks and remarks.startswith(
        "- **PSNR rewards lost variance.**"
    )
