"""Cards: what ours say is true of their classes, and what is wrong in one is named with its line."""

import re
import subprocess
import sys
from dataclasses import fields
from itertools import chain
from typing import get_type_hints

import pytest

from bench.suites.cards import LAST, card_of, list_cards, read_card
from bench.suites.methods import build_solver, load_solver
from bench.suites.yamlfile import SuiteError
from bench.tune.candidates.points import Spaces
from tests import ROOT
from tests.ours import CARDS, CLASSES
from tests.ours import METHODS as METHOD_CLASSES

METHODS = {name: CARDS[name] for name in METHOD_CLASSES}
TUNED = [(name, param) for name, card in METHODS.items() for param in card.search]


MOST_STEPS = 1000
"""Beyond it a setting says nothing of a search, which is far shorter."""


def settings(name):
    """Parameter -> all values that presets give it, of up to `MOST_STEPS` evaluations."""
    found = {}
    for priors in CARDS[name].presets.values():
        for values in chain.from_iterable(tasks.values() for tasks in priors.values()):
            if values.get("steps", 0) <= MOST_STEPS:
                for param, value in values.items():
                    found.setdefault(param, set()).add(value)
    return found


def test_cards_are_read_without_torch_and_without_the_methods():
    code = "import sys; from bench.suites.cards import *; list_cards(); card_of('dps'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {"torch", "solvers", "bench.solver"}.isdisjoint(loaded.split())


def test_every_method_has_a_card_in_an_order_of_its_own():
    named = {name: cls.__name__ for name, cls in CLASSES.items()}
    assert {name: card.class_name for name, card in CARDS.items()} == named
    orders = [card.order for card in CARDS.values()]
    assert orders == sorted(set(orders)) and orders[-1] < LAST


@pytest.mark.parametrize("name", CARDS)
def test_a_card_agrees_with_its_class(name):
    card, cls = CARDS[name], CLASSES[name]
    assert (card.kind != "method", card.paper) == (cls.baseline, cls.paper)
    assert card.title and bool(card.bibtex) == bool(card.paper)
    for sentence in card.differences:
        assert sentence.endswith(".") and "\n" not in sentence


def test_methods_can_be_cited_tuned_and_told_apart():
    for card in METHODS.values():
        assert all((card.paper, card.search, card.differences))
        assert {"bench", "official"} <= card.presets.keys()
    keys = [re.match(r"@\w+\{(.*),", card.bibtex)[1] for card in CARDS.values() if card.bibtex]
    assert len(set(keys)) == len(keys)


ORIGIN = re.compile(r"  # (Reference code|Port), [\w.-]+/[\w.-]+: \S")


@pytest.mark.parametrize("name", METHODS)
def test_a_card_says_where_official_comes_from_and_the_class_does_not(name):
    lines = (ROOT / "solvers" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    start = lines.index("  official:")
    while lines[start - 1].startswith("  #"):
        start -= 1
    assert ORIGIN.match(lines[start])
    assert "official" not in (ROOT / "solvers" / f"{name}.py").read_text(encoding="utf-8")


VENUES = {"@inproceedings": {"booktitle"}, "@article": {"journal"}, "@misc": {"eprint"}}


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.bibtex])
def test_citations_are_of_the_paper(name):
    card = CARDS[name]
    entries = dict(re.findall(r"(\w+) = \{((?:[^{}]|\{[^{}]*\})*)\}", card.bibtex))
    assert re.sub("[{}]", "", entries["title"]) == card.title
    places = [entries[kind] for kind in ("eprint", "url") if kind in entries]
    assert any(place.endswith(card.paper.removeprefix("openreview:")) for place in places)
    where = re.split("[:/]", card.paper)[-1].removesuffix(".html")
    assert where in CLASSES[name].__doc__.splitlines()[0]
    assert re.fullmatch(r"20\d\d", entries["year"]) and entries.keys() >= VENUES[card.bibtex.split("{")[0]]
    assert all(author.count(",") == 1 for author in re.split(r"\s+and\s+", entries["author"]))


@pytest.mark.parametrize(("name", "param"), TUNED)
def test_a_search_stays_in_the_range_of_its_field(name, param):
    """The class itself takes both ends, and its default is among what is tried."""
    space, cls = CARDS[name].search[param], CLASSES[name]
    spaces = Spaces(CARDS[name].search, {"sigma": 0.05, "s": 1.0})
    defaults = spaces.nearest_point({f.name: f.default for f in fields(cls)})
    for value in space.choices or (space.low, space.high):
        build_solver(load_solver(name), spaces.settings({**defaults, param: value}), str)
    assert param != "steps", "the budget is the same for all"
    assert space.choices or space.integer == (get_type_hints(cls)[param] is int)
    default = next(f.default for f in fields(cls) if f.name == param)
    assert spaces.settings(defaults)[param] == default


@pytest.mark.parametrize(("name", "param"), TUNED)
def test_no_preset_is_at_the_edge_of_a_search(name, param):
    """A value of today at the edge would say that the search is too narrow, unless the card does."""
    space, values = CARDS[name].search[param], settings(name).get(param, ())
    if space.unit:
        return  # its ends depend on the task
    edges = [value for value in values if not space.contains(value) or space.at_edge(value)]
    remarks = remarks_of(CARDS[name])
    assert [value for value in edges if not is_said(param, value, remarks)] == []


def remarks_of(card):
    """What searches said of the ends of ranges."""
    remarks = []
    for priors in card.tuned.values():
        for tasks in priors.values():
            for tuning in tasks.values():
                remarks += tuning.remarks
    return remarks


def is_said(param, value, remarks):
    """Whether a search has widened the range of a parameter, or says that a value is at an end."""
    widened = any(remark.startswith(f"{param}: ") and " widened to " in remark for remark in remarks)
    return widened or any(f": {param} {value:g} is at the " in remark for remark in remarks)


CODE = """
from a_package_that_nobody_has import *

@dataclasses.dataclass(frozen=True)
class {}(Solver):
    pass

class Pair(NamedTuple):
    pass
"""
SEARCH = "search:\n  lr: "
NUMBER = "expected a finite number, such as 30 or 1e-4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kinds: method", "1: kinds: unknown parameter (did you mean 'kind'?); known: class, kind, order"),
        ("class: A\nkind: solver", "2: kind: Input should be 'method', 'baseline' or 'anchor' [got 'solver'"),
        ("order: yes", "1: order: Input should be a valid integer [got 'yes']"),
        ("\npaper: 2209.14687", "2: paper: Input should be a valid string [got 2209.14687]"),
        ("paper: my thesis", "1: paper: expected an arXiv identifier, openreview:ID"),
        ("bibtex: '@article{a, t = {x}} @article{b, t = {y}}'", "1: bibtex: expected one BibTeX entry"),
        ("bibtex: '@article{a, t = {x}'", "1: bibtex: expected one BibTeX entry"),
        ("quick: 20", "1: quick: unknown parameter; known: class, kind, order"),
        ("differences: one", "1: differences: Input should be a list [got 'one']"),
        ("class: B", "1: class: no 'B' in m.py; it has: A, Pair"),
        ("presets:\n  b:\n    p: {'*': 3}", "3: presets.b.p.*: Input should be a mapping [got 3]"),
        (SEARCH + "{high: 1}", "2: search.lr: needs low and high, or choices"),
        (SEARCH + "{low: 1, hgih: 2}", "2: search.lr.hgih: unknown parameter (did you mean 'high'?)"),
        (SEARCH + "{low: 1, high: 1}", "2: search.lr: low must be below high, but 1 is not below 1"),
        (
            SEARCH + "{low: 0, high: 1, scale: log}",
            "2: search.lr: low must be above 0 on a log scale, but is 0",
        ),
        (SEARCH + "{low: '1e-4', high: 1}", f"2: search.lr.low: {NUMBER} [got '1e-4']"),
        (SEARCH + "\n    low: no\n    high: 1", f"3: search.lr.low: {NUMBER} [got 'no']"),
        (SEARCH + "\n    low: 0\n    high: .inf", "4: '.inf' is not a finite number"),
        (
            SEARCH + "{low: 1, high: 2.5, integer: true}",
            "2: search.lr: low and high of an integer must be whole",
        ),
        (SEARCH + "{low: 1, high: 2, integer: 1}", "2: search.lr.integer: Input should be a valid boolean"),
        (SEARCH + "{choices: [a, b], scale: log}", "2: search.lr: choices stand alone"),
        (SEARCH + "{choices: [a, a]}", "2: search.lr: needs at least two choices, all written differently"),
        (SEARCH + "{low: 1, high: 2, unit: __import__('os')}", "2: search.lr: unit has '__import__('os')'"),
        (SEARCH + "{low: 1, high: 2, unit: 2 tau}", "2: search.lr: unit must be a formula such as 2 * tau"),
        (
            SEARCH + "{low: 1, high: 2, integer: true, unit: sigma}",
            "2: search.lr: a whole number has no unit",
        ),
        ("tuned:\n  b:\n    p:\n      t: {objective: psnr}", "4: tuned.b.p.t.score: is missing"),
        (SEARCH + "{choices: [a, [b]]}", "2: search.lr: choices are texts, finite numbers, true or false"),
    ],
)
def test_what_is_wrong_in_a_card_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "m.py").write_text(CODE.format("A"))
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(SuiteError, match=re.escape(f"{tmp_path / 'm.yaml'}:{message}")):
        read_card(tmp_path / "m.yaml")


def test_a_user_s_card_lies_beside_the_file(tmp_path):
    """The class is found without importing the file, which could not be imported."""
    folder = tmp_path / "my methods"
    folder.mkdir()
    one, two = folder / "one.py", folder / "two.py"
    one.write_text(CODE.format("Mine"))
    two.write_text(CODE.format("Mine") + CODE.format("Other"))
    bare = card_of(str(one))
    assert (bare.name, bare.class_name, bare.kind, bare.order, bare.presets, bare.path) == (
        "Mine",
        "Mine",
        "method",
        LAST,
        {},
        None,
    )
    assert card_of(f"{two}:Other").name == "Other" and card_of(str(two)).name == "two"
    assert card_of("pkg.mod:Theirs").name == "Theirs" and card_of("none.py").name == "none"

    one.with_suffix(".yaml").write_text("title: T\npresets: {bench: {'*': {'*': {steps: 5}}}}\n")
    card = card_of(f"{one}:Mine")
    assert card == card_of(str(one)) and (card.name, card.class_name, card.title) == ("Mine", "Mine", "T")
    assert card.path == one.with_suffix(".yaml") and card.presets["bench"]["*"]["*"] == {"steps": 5}

    two.with_suffix(".yaml").write_text("title: T\n")
    with pytest.raises(SuiteError, match=r"two.yaml:1: class: two.py has Mine, Other; name one"):
        card_of(str(two))
    two.with_suffix(".yaml").write_text("class: Other\ntitle: T\n")
    assert (card_of(str(two)).name, card_of(f"{two}:Other").title, card_of(f"{two}:Mine").title) == (
        "Other",
        "T",
        "",
    )
    with pytest.raises(SuiteError, match=r"unknown solver 'dsp' \(did you mean 'dps'\?\)"):
        card_of("dsp")


def test_two_of_our_cards_in_one_place_are_refused(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text("order: 3\n")
        (tmp_path / f"{name}.py").write_text(CODE.format("A"))
    monkeypatch.setattr("bench.suites.cards.FOLDER", tmp_path)
    with pytest.raises(SuiteError, match=r"b.yaml: order 3 is that of a; choose another"):
        list_cards.__wrapped__()
    (tmp_path / "b.py").unlink()
    with pytest.raises(SuiteError, match=r"b.yaml: a card without its method: there is no b.py beside it"):
        list_cards.__wrapped__()
