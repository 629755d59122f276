"""Presets that a search writes are what a row then takes, and say where they come from."""

from dataclasses import replace

import pytest
import yaml

from bench.plan.options import make_options
from bench.suites.cards import read_card
from bench.suites.presets import resolve
from bench.suites.yamlfile import SuiteError
from bench.tune.families import families
from bench.tune.objectives import CandidateScore
from bench.tune.request import SearchRequest
from bench.tune.search import Candidate, Found, Told
from bench.tune.trials import Size
from bench.tune.written.presets import card_path, write_presets
from tests.tune.made_search import CARD, CODE, write_card

TODAY = """\
presets:
  # The best of a grid.
  bench:
    fashion32:
      '*': {b: 7.0}  # by hand
      inpaint_box: {a: 9.0}  # without effect
      inpaint_old: {steps: 9, eta: 1}
"""


@pytest.fixture
def asked(tmp_path):
    """A search for masks that is over."""
    (family,) = families(["linear"], [], ["masks"])
    mine = write_card(tmp_path, CARD + TODAY)
    return SearchRequest(
        mine, {}, family, ("psnr", "lpips"), 20, 12, Size(16, 32, 1, 0), make_options(), tmp_path
    )


def candidate(a, b, psnr, lpips):
    told = Told({"a": a, "b": b}, (CandidateScore(psnr), CandidateScore(lpips)))
    return Candidate(told, {"a": a, "b": b}, 640, (CandidateScore(psnr - 1), CandidateScore(lpips + 0.1)))


@pytest.fixture
def found():
    best, other = candidate(3.0, 4.0, 25.0, 0.3), candidate(5.0, 6.0, 24.0, 0.2)
    remarks = ["a: 1 .. 2 widened to 1 .. 3", "psnr: a 3 is at the high end of its range"]
    tasks = "inpaint_box", "inpaint_random"
    commits = {"c2": "2026-01-02", "c1" * 20: "2026-01-01"}
    newest = "2026-01-02T00:00:00+00:00"
    return Found([best, other], remarks, [best, other], tasks, "fashion32", newest, commits)


def test_a_row_takes_what_was_written_and_the_card_says_from_where(asked, found):
    said = write_presets(asked, found, {})
    for task in ("inpaint_box", "inpaint_random"):
        assert resolve(asked.spec, None, "fashion32", task, task) == (
            "bench",
            {"steps": 20, "a": 3.0, "b": 4.0},
        )
        assert resolve(asked.spec, "lpips", "fashion32", task, task)[1] == {"steps": 20, "a": 5.0, "b": 6.0}
    assert resolve(asked.spec, None, "fashion32", "hdr", "hdr")[1] == {"b": 7.0}, "other tasks keep theirs"
    card = read_card(card_path(asked.spec))
    psnr, lpips = (card.tuned[name]["fashion32"]["inpaint_*"] for name in ("bench", "lpips"))
    assert (psnr.objective, psnr.score, psnr.search_score, psnr.candidates) == ("psnr", 24.0, 25.0, 2)
    assert (psnr.budget, psnr.spent) == (12 * 32 * 20, 1280) and psnr.tasks == (
        "inpaint_box",
        "inpaint_random",
    )
    assert (psnr.images, psnr.fresh) == ("fashion32_tune:1-16", "fashion32_tune:17-48")
    assert (psnr.date, psnr.code, psnr.optuna[0]) == ("2026-01-02", "c1c1c1c1c1c1, c2", "5")
    assert psnr.sampler == "GPSampler"
    assert psnr.remarks == tuple(found.remarks) and lpips.remarks == tuple(found.remarks[:1])
    text = card.path.read_text()
    assert "# by hand" in text and max(map(len, text.splitlines())) <= 110
    assert "# without effect" not in text and "inpaint_old: {steps: 9, eta: 1}" in text
    where = f"{card.path}: presets.bench.fashion32"
    assert said[0] == f"written: {where}.inpaint_*: {{'steps': 20, 'a': 3.0, 'b': 4.0}}"
    assert said[1] == f"gone: {where}.inpaint_box: it has no effect any more"
    assert said[2] == f"read: {card.path}:5: does the comment above presets.bench still hold?"
    assert text.splitlines()[4].strip() == "# The best of a grid."


def test_what_is_not_searched_is_as_it_was_in_the_search(asked, found):
    """The card's "*" changes b, which here stays at the method's default in the search."""
    one = candidate(3.0, 1.0, 25.0, 0.3)
    one = replace(one, settings={"a": 3.0})
    over = Found([one], [], [one, None], ("inpaint_box",), "fashion32", "2026-01-02")
    write_presets(asked, over, {"psnr": "bench"})
    assert resolve(asked.spec, None, "fashion32", "inpaint_box", "inpaint_box")[1]["b"] == 1.0


def test_presets_have_other_names_on_demand(asked, found):
    write_presets(asked, found, {"psnr": "mine"})
    assert {"mine", "lpips"} <= read_card(card_path(asked.spec)).presets.keys()
    assert resolve(asked.spec, None, "fashion32", "inpaint_box", "")[1] == {"b": 7.0, "a": 9.0}


def test_what_was_found_with_a_larger_budget_stays_and_that_is_said(asked, found):
    write_presets(asked, found, {})
    card = card_path(asked.spec)
    before, smaller = card.read_text(), replace(asked, budget=asked.evaluations - 1)
    other = replace(found, winners=[candidate(7.0, 8.0, 26.0, 0.1), None])
    assert write_presets(smaller, other, {}) == [
        f"kept: {card}: presets.bench.fashion32.inpaint_* was found with a budget of 7680 evaluations, the "
        "new one with 7679; give as many by --budget, another name by --preset, or delete the entry"
    ]
    assert card.read_text() == before
    assert write_presets(smaller, other, {"psnr": "quick"})[0].startswith("written: "), "nothing was there"
    assert write_presets(asked, other, {})[0].startswith("written: "), "an equal budget replaces"
    assert read_card(card).presets["bench"]["fashion32"]["inpaint_*"]["a"] == 7.0


@pytest.mark.parametrize("part", ["presets", "tuned"])
def test_a_smaller_budget_writes_where_the_entry_was_deleted(asked, found, part):
    write_presets(asked, found, {})
    card = card_path(asked.spec)
    data = yaml.safe_load(card.read_text())
    del data[part]
    card.write_text(yaml.safe_dump(data, sort_keys=False))
    assert write_presets(replace(asked, budget=640), found, {})[0].startswith("written: ")


def test_a_method_needs_a_file_of_its_own_for_its_card(tmp_path):
    mine = tmp_path / "two.py"
    mine.write_text(CODE)
    assert card_path(str(mine)) == tmp_path / "two.yaml"
    assert card_path("dps").name == "dps.yaml"
    (tmp_path / "two.yaml").write_text("class: Mine\n")
    with pytest.raises(SuiteError, match=r"two.yaml is about another class than .*two.py:Other"):
        card_path(f"{mine}:Other")
    with pytest.raises(SuiteError, match=r"presets of pkg.mod:Class have no card to go to"):
        card_path("pkg.mod:Class")
