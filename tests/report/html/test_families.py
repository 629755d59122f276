"""Families in the page are those of `bench.report.verdicts`, and mean ranks are means of ranks."""

from pathlib import Path

import numpy as np
import pytest

from bench.report.across.ranks import over_tasks
from bench.report.columns import KNOWN
from bench.report.html.families import entry, mean_ranks, overall, sentence
from bench.report.html.numbers import of_images
from bench.report.ranking import judge_all
from bench.report.scores import Sets
from bench.report.tables import build
from bench.report.verdicts import decide
from tests.made_run import HARD, JITTER, record
from tests.made_run import records as made_records

PSNR = KNOWN[0]
LPIPS = KNOWN[2]


def scored(metric, **rows):
    """A table: row -> its scores by one metric."""
    found = []
    for row, values in rows.items():
        for i, value in enumerate(values):
            own = {"key": f"{row}{i}", "image": f"{i}", "y_hash": f"{i}", "metrics": {metric: float(value)}}
            found.append(record("best", 0, label=row, cell=row, **own))
    return build(found, [])[0]


def shown(table, column=PSNR):
    return of_images(judge_all(table, [column], Sets([Path()]), {}), [column])


@pytest.mark.parametrize(("column", "sign"), [(PSNR, 1), (LPIPS, -1)])
def test_pairs_are_differences_of_printed_numbers_with_simultaneous_widths(column, sign):
    rows = {"a": HARD, "b": HARD + JITTER - 0.5 * sign, "c": HARD + 2 * JITTER - sign}
    written = entry(shown(scored(column.name, **rows), column).verdicts[column.name], column)
    scores = {name: {str(i): x for i, x in enumerate(values)} for name, values in rows.items()}
    family = decide(scores, column).family
    assert written["rows"] == ["a", "b", "c"] and written["rank"]["a"] == [1, *family.place("a")]
    for k, (p, q) in enumerate([("a", "b"), ("a", "c"), ("b", "c")]):
        expected = family.difference(p, q)
        mean, half = written["pairs"][k]
        assert mean == pytest.approx(float(np.mean(rows[p] - rows[q])), abs=1e-4)
        assert half == pytest.approx((expected.high - expected.low) / 2, abs=1e-4)


def test_mean_ranks_are_those_of_the_suite():
    many = np.concatenate([HARD, HARD + 1, HARD - 1])
    one = judge_all(scored("psnr", a=many, b=many - 1, c=many - 9), [PSNR], Sets([Path()]), {})
    across = over_tasks([one, one, one], [PSNR])
    ranks, common = mean_ranks(across, [one.table])
    assert [ranks["psnr"][row][0] for row in "abc"] == [1, 2, 3] and common == [one.table.slug]
    assert mean_ranks([*across, *across], [one.table]) == ({}, [])


def test_a_failed_row_is_in_no_family():
    assert "fails" not in shown(build(made_records(), [])[0]).verdicts["psnr"].rows


def test_a_task_without_a_family_says_why():
    one = shown(scored("psnr", a=HARD[:3], b=HARD[:3]))
    assert sentence(one, PSNR) == ["Nothing is ranked: it takes at least 6 images that two rows share."]


def test_the_sentence_of_the_page():
    found = overall(PSNR, [["a"], ["a", "b"], ["a", "b"]], exact=False)
    said = "".join(part if isinstance(part, str) else part["row"] for part in found)
    assert said == ("By PSNR, first place is possible for a on all 3 tasks (alone on 1) and b on 2 tasks.")
    assert "".join(overall(PSNR, [[], []], exact=True)) == (
        "By PSNR no row is shown to be equivalent to exact samples: the sentences below say more."
    )
    assert overall(PSNR, [["a"], ["a"]], exact=True)[-2:] == [" on both tasks", "."]
    assert overall(PSNR, [], exact=False)[0].startswith("By PSNR nothing is ranked")


@pytest.mark.parametrize("exact", [False, True])
def test_the_sentence_of_the_page_names_no_row_twice(exact):
    """It did where a row was ahead alone; such a row is always named."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        n_tasks, n_rows = rng.integers(1, 7, size=2)
        firsts = []
        for _ in range(n_tasks):
            n = rng.integers(1, n_rows + 1)
            firsts.append([f"r{i}" for i in rng.choice(n_rows, size=n, replace=False)])
        named = [part["row"] for part in overall(PSNR, firsts, exact) if not isinstance(part, str)]
        assert len(named) == len(set(named)) > 0, firsts
        assert exact or {names[0] for names in firsts if len(names) == 1} <= set(named), firsts


def test_rows_that_are_alone_are_counted():
    found = overall(PSNR, [["c"], ["a", "b"], ["d"], ["d", "e"], ["d", "e"], ["d", "e"]], exact=False)
    said = "".join(part if isinstance(part, str) else part["row"] for part in found)
    assert said == (
        "By PSNR, first place is possible for d on 4 tasks (alone on 1), e on 3 tasks, "
        "c alone on 1 task and a and b on 1 task each."
    )
