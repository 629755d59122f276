"""Comparing all rows of a table at once."""

import numpy as np
import pytest
from scipy.stats import permutation_test, studentized_range

from bench.stats.family import FLIPS, compare_all, sign_patterns


def table(scores: np.ndarray) -> dict[str, dict[str, float]]:
    """Rows "0", "1", .. of scores, (images, rows)."""
    return {f"{j}": {f"{i}": float(value) for i, value in enumerate(row)} for j, row in enumerate(scores.T)}


def equal_rows(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Scores of equally good rows, which share easy and hard images."""
    return 3 * rng.normal(size=(n, 1)) + rng.normal(size=(n, k))


def test_equal_rows_are_rarely_told_apart():
    """Ten equal rows: a paired interval for each row against the best finds some worse in most tables."""
    rng, tables, found = np.random.default_rng(0), 200, 0
    for _ in range(tables):
        found += bool(compare_all(table(equal_rows(rng, 32, 10))).beaten.any())
    assert found / tables < 0.05 + 3 * np.sqrt(0.05 * 0.95 / tables)


def test_the_critical_value_is_that_of_the_studentised_range():
    """Normal scores of many images: Tukey's range of k means, which knows nothing of sign patterns."""
    scores = np.random.default_rng(1).normal(size=(400, 6))
    tukey = studentized_range.ppf(0.95, 6, np.inf) / np.sqrt(2)
    assert compare_all(table(scores)).critical == pytest.approx(tukey, rel=0.03)


def test_two_rows_are_a_paired_permutation_test():
    """All sign patterns of eight images: the same decision as scipy's, next to the border."""
    rng = np.random.default_rng(2)
    decisions = set()
    for _ in range(60):
        a, b = rng.normal(size=8) + 0.9, rng.normal(size=8)
        p = permutation_test((a, b), lambda x, y: np.mean(x - y), permutation_type="samples").pvalue
        decisions.add((p <= 0.05, bool(compare_all(table(np.stack([a, b], 1))).beaten[0, 1])))
    assert decisions == {(True, True), (False, False)}


def test_places_and_intervals_never_contradict_each_other():
    """A row is ahead of another exactly where their simultaneous interval lies above 0."""
    scores = equal_rows(np.random.default_rng(3), 40, 6) - 0.4 * np.arange(6)
    family = compare_all(table(scores))
    for a in family.names:
        others = [family.difference(a, b) for b in family.names if b != a]
        ahead, behind = sum(d.low > 0 for d in others), sum(d.high < 0 for d in others)
        assert family.place(a) == (1 + behind, 6 - ahead)
    assert family.place("0") != family.place("5")


def test_lower_is_better():
    """Orders turn round with the direction, and so do differences."""
    scores = equal_rows(np.random.default_rng(4), 20, 3) + 3 * np.arange(3)
    high, low = compare_all(table(scores), 1), compare_all(table(scores), -1)
    assert [high.place(name) for name in "012"] == [low.place(name) for name in "210"]
    assert high.difference("0", "1").mean == -low.difference("0", "1").mean


def test_order_of_rows_and_images_does_not_matter():
    """The same marks for any order of rows."""
    rows = table(equal_rows(np.random.default_rng(5), 30, 4) - 0.5 * np.arange(4))
    turned = compare_all(dict(reversed(rows.items())))
    assert {name: turned.place(name) for name in rows} == {n: compare_all(rows).place(n) for n in rows}


def test_a_margin_holds_where_the_interval_lies_inside():
    """Rows that differ by .01 on every image are within .1 of each other, and not within .001."""
    rng = np.random.default_rng(6)
    base = rng.normal(size=50)
    rows = table(np.stack([base, base + 0.01 + 0.01 * rng.normal(size=50)], 1))
    family = compare_all(rows)
    assert family.within("0", "1", 0.1) and not family.within("0", "1", 0.001)


def test_the_difference_that_is_seen_is_found_in_four_of_five_tables():
    """Two rows, shifted by what the table says it would see."""
    rng, found, tables = np.random.default_rng(7), 0, 300
    for _ in range(tables):
        scores = equal_rows(rng, 40, 2)
        scores[:, 0] += compare_all(table(scores)).seen
        found += bool(compare_all(table(scores)).beaten[0, 1])
    assert found / tables == pytest.approx(0.8, abs=0.07)


def test_infinite_scores_count():
    """An exact row is ahead of the others, by an infinite difference; one exact image decides nothing."""
    scores = 50 + equal_rows(np.random.default_rng(8), 12, 3)
    scores[:, 1] = np.inf
    family = compare_all(table(scores))
    assert family.place("1") == (1, 1)
    assert family.difference("1", "0").mean == np.inf and family.difference("0", "1").mean == -np.inf
    scores[1:, 1] = scores[1:, 0]
    assert compare_all(table(scores)).place("1") == (1, 3)


def test_few_common_images_compare_nothing():
    """Five images cannot decide; rows about other images are compared over those that both have."""
    rows = table(np.arange(15.0).reshape(5, 3))
    family = compare_all(rows)
    assert family.difference("0", "1") is None and family.place("0") == (1, 3) and np.isnan(family.seen)
    long = {"a": {f"{i}": float(i) for i in range(20)}, "b": {f"{i}": i - 1.0 for i in range(12, 30)}}
    assert compare_all(long).difference("a", "b")[:] == (1.0, 1.0, 1.0, 8)


def test_sign_patterns():
    """Few images have all their patterns, no two of which are opposite; many have fair random ones."""
    few = sign_patterns(6)
    assert len({tuple(row * row[-1]) for row in few}) == len(few) == 32
    many = sign_patterns(130)
    assert many.shape == (FLIPS, 130) and (many[0] == 1).all()
    assert abs(many.mean()) < 0.01 and np.abs(many.T @ many / FLIPS - np.eye(130)).max() < 0.1


def test_a_row_is_never_shown_to_be_better_than_one_that_is_infinitely_better():
    """Ahead on eleven images, infinitely behind on one; and both so, each on another image."""
    scores = np.random.default_rng(9).normal(size=(12, 2)) + np.array([9.0, 0.0])
    scores[0, 1] = np.inf
    family = compare_all(table(scores))
    assert family.difference("0", "1")[:2] == (-np.inf, -np.inf) and family.place("1") == (1, 2)
    scores[1, 0] = np.inf
    torn = compare_all(table(scores))
    assert torn.difference("0", "1")[1:3] == (-np.inf, np.inf) and torn.place("0") == torn.place("1") == (
        1,
        2,
    )
