"""What a table shows of its rows: marks, places and sentence from one family."""

import re

import numpy as np
import pytest

from bench.report.columns import Column
from bench.report.verdicts import decide

PSNR = Column("PSNR", 2, True, name="psnr")
LPIPS = Column("LPIPS", 3, False, name="lpips")


def rows(shifts, n=64, noise=0.3, seed=0):
    """Row -> image -> score: images differ by 3 dB, rows by their shift and by noise of their own."""
    rng = np.random.default_rng(seed)
    hard = 3 * rng.normal(size=n) + 25
    made = {}
    for name, shift in shifts.items():
        scores = hard + shift + noise * rng.normal(size=n)
        made[name] = {f"{i}": float(score) for i, score in enumerate(scores)}
    return made


def text(found):
    return "".join(part if isinstance(part, str) else part["row"] for part in found.sentence)


def test_one_row_is_better_and_the_next_cannot_be_separated():
    found = decide(rows({"daps": 0, "diffpir": 2, "ddnm": 0.02, "pigdm": -2}), PSNR)
    marks = {name: (verdict.mark, verdict.places) for name, verdict in found.rows.items()}
    assert marks.pop("diffpir") == ("best", (1, 1)) and marks.pop("pigdm") == ("worse", (4, 4))
    assert marks == {"daps": ("worse", (2, 3)), "ddnm": ("worse", (2, 3))}
    assert found.rows["pigdm"].difference.mean == pytest.approx(-4, abs=0.2)
    second = " and ".join(name for name in found.rows if name in marks)
    assert text(found) == (
        f"diffpir is better than all others; {second} cannot be separated at n = 64; "
        f"the other one is worse than at least one row; a difference of {found.seen:.2f} dB would be seen."
    )


def test_equivalent_is_shown_where_it_holds_too():
    """Inseparable or significantly worse: within the margin of the best both are equivalent."""
    close = rows({"a": 0, "b": -0.03, "c": -0.03}, noise=0.01)
    close["c"] = {image: score - 0.02 for image, score in close["a"].items()}
    found = decide(close, PSNR)
    assert [found.rows[name].mark for name in "abc"] == ["best", "equivalent", "equivalent"]
    assert found.rows["c"].behind == ("a",)
    assert "c and b are within 0.10 dB of the best mean" in text(found)
    assert [decide(close, PSNR, {}).rows[name].mark for name in "abc"] == ["best", "worse", "worse"]


def test_places_marks_and_sentence_agree():
    """On random tables: a row of place 1 is never worse, and the sentence names exactly these rows first."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        table = rows({f"r{i}": float(rng.normal() / 8) for i in range(6)}, n=24, seed=seed)
        found = decide(table, LPIPS, {})
        first = {name for name, verdict in found.rows.items() if verdict.places[0] == 1}
        assert first == {name for name, verdict in found.rows.items() if verdict.mark in {"best", "tie"}}
        named = [part["row"] for part in found.sentence if not isinstance(part, str)]
        assert set(named[: len(first)]) == first


def test_no_sentence_names_a_row_twice():
    """On random tables with rows that are equivalent, whether separated or not."""
    rng = np.random.default_rng(0)
    said = set()
    for seed in range(30):
        shifts = {f"r{i}": float(rng.choice([0, 0.02, 0.05, 0.3])) for i in range(rng.integers(2, 5))}
        found = decide(rows(shifts, noise=float(rng.choice([0.01, 0.1])), seed=seed), PSNR)
        named = [part["row"] for part in found.sentence if not isinstance(part, str)]
        assert len(named) == len(set(named)), text(found)
        equal = {name for name, verdict in found.rows.items() if verdict.mark == "equivalent"}
        assert equal <= set(named)
        said.update(re.findall(r"≈: within|(?:is|are) within|mean \(≈\): r\d", text(found)))
        assert ("within 0.10 dB of the best mean" in text(found)) == bool(equal)
    assert len(said) > 3, said


def test_worse_than_one_row_need_not_be_worse_than_the_best():
    """A steady row is behind another one; the leader, which varies wildly, is not shown to be ahead."""
    table = rows({"wild": 0.5, "steady": 0.3, "behind": 0.2}, noise=0)
    rng = np.random.default_rng(1)
    jumps = rng.permutation(np.repeat([6.0, -6.0], 32))
    for image, jump in zip(table["wild"], jumps, strict=True):
        table["wild"][image] += float(jump)
    for name in ("steady", "behind"):
        for image in table[name]:
            table[name][image] += 0.01 * float(rng.normal())
    found = decide(table, PSNR)
    assert found.rows["behind"].mark == "worse" and found.rows["behind"].behind == ("steady",)
    assert found.rows["behind"].difference.high > 0
    assert "wild and steady cannot be separated" in text(found)
    assert "the other one is worse than at least one row" in text(found)


def test_nothing_is_compared_without_common_images():
    assert text(decide({}, PSNR)).startswith("Nothing is ranked: no row")
    assert text(decide(rows({"a": 0}), PSNR)) == "Only a can be ranked: there is nothing to compare it with."
    assert text(decide(rows({"a": 0}, n=6), PSNR)).startswith("Only a can be ranked")
    assert text(decide(rows({"a": 0}, n=5), PSNR)) == "Nothing is ranked: it takes at least 6 images."
    few = decide(rows({"a": 0, "b": 1}, n=5), PSNR)
    assert not few.rows and np.isnan(few.seen) and "at least 6 images" in text(few)
    apart = rows({"a": 0, "b": 1}) | {"c": {f"other {i}": 90.0 for i in range(20)}}
    assert set(decide(apart, PSNR).rows) == {"a", "b"}


def test_infinite_scores_come_first():
    table = rows({"a": 0, "b": 1}) | {"exact": {f"{i}": float("inf") for i in range(64)}}
    found = decide(table, PSNR)
    assert found.leader == "exact" and found.rows["a"].difference.mean == -np.inf


def test_the_leader_is_ahead_of_each_other_row_where_images_differ():
    """A mean over easy images is no lead; where none is ahead of all, the smallest deficit leads."""
    full = {f"{i}": float(i) for i in range(12)}
    ahead = {i: v + 1 for i, v in full.items()}
    short = {i: v + 0.5 for i, v in full.items() if int(i) >= 6}
    assert decide({"full": full, "ahead": ahead, "short": short}, PSNR).leader == "ahead"
    assert decide({"full": full, "short": short}, PSNR).leader == "short"
    assert decide({"full": full, "short": short}, LPIPS).leader == "full"


def test_a_difference_that_would_be_seen_is_one_of_finite_scores():
    """Where rows are infinitely far from each other, those of the other pairs count, or nothing is said."""
    table, infinite = rows({"a": 0, "b": 1}), {f"{i}": float("inf") for i in range(64)}
    found = decide(table | {"exact": infinite}, PSNR)
    assert found.seen == pytest.approx(decide(table, PSNR).seen, rel=0.2)
    table["a"]["0"], table["b"]["1"] = float("inf"), float("inf")
    found = decide(table, PSNR)
    assert np.isnan(found.seen) and text(found).endswith("cannot be separated at n = 64.")
