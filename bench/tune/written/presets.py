"""Writes what searches found into cards: the settings, and where they come from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import Any

from bench.suites.cards import card_of, list_cards, read_card
from bench.suites.methods import build_solver, load_solver, parameters
from bench.suites.presets import resolve
from bench.suites.tuning import Tuning
from bench.suites.yamlfile import SuiteError
from bench.system.code.user_code import is_user_code
from bench.system.versions import short_commit
from bench.tune.candidates.asking import SAMPLER, optuna_version
from bench.tune.request import STEPS, SearchRequest
from bench.tune.search import Candidate, Found
from bench.tune.written.cardfile import comments_above, write_entry


def card_path(spec: str) -> Path:
    """The card that presets of a method are written into; a user's may not exist yet.

    Raises:
        SuiteError: the method is a module's, or the card beside it is about another class.
    """
    card = card_of(spec)
    if card.path is not None:
        return card.path
    place = spec.rpartition(":")[0] if ":" in spec else spec
    path = Path(place).with_suffix(".yaml")
    if not is_user_code(spec) or not place.endswith(".py"):
        raise SuiteError(
            f"presets of {spec} have no card to go to; name the method as file.py or file.py:Class"
        )
    if path.exists():
        raise SuiteError(f"{path} is about another class than {spec}; give each class a file and a card")
    return path


def write_presets(asked: SearchRequest, found: Found, names: Mapping[str, str]) -> list[str]:
    """Writes the winner by each objective as a preset for the family, and says what was written.

    A search that found nothing writes nothing, and an entry that was found with a larger budget stays. One
    for a task of the family all of whose parameters are among the new ones has no effect any more, and goes.

    Args:
        names: objective -> preset, where it is not the objective's own.

    Raises:
        SuiteError: the card cannot be written, or other entries of it overrule these.
    """
    written: list[str] = []
    for i, (objective, winner) in enumerate(zip(asked.chosen, found.winners, strict=False)):
        if winner is not None:
            preset = names.get(objective.name, objective.preset)
            place = [preset, escape(found.prior), asked.family.pattern]
            source = provenance(asked, found, i, winner)
            kept = _kept(card_path(asked.spec), place, source.budget)
            written += [kept] if kept else _write(asked, found, place, source, settings(asked, winner))
    return written


def _kept(path: Path, place: Sequence[str], budget: int) -> str:
    """Why the present entry stays: it was found with a larger budget; "" where a new one may be written."""
    if not path.exists():
        return ""
    (preset, prior, pattern), card = place, read_card(path)
    known = card.tuned.get(preset, {}).get(prior, {}).get(pattern)
    is_there = pattern in card.presets.get(preset, {}).get(prior, {})
    if known is None or not is_there or known.budget <= budget:
        return ""
    return (
        f"kept: {path}: presets.{'.'.join(place)} was found with a budget of {known.budget} evaluations, the "
        f"new one with {budget}; give as many by --budget, another name by --preset, or delete the entry"
    )


def _write(
    asked: SearchRequest, found: Found, place: Sequence[str], source: Tuning, params: dict[str, Any]
) -> list[str]:
    """Writes one preset and where it is from."""
    path = card_path(asked.spec)
    gone = _without_effect(path, place, params)
    write_entry(path, ["presets", *place], params, gone)
    if overruled := _others(asked, found, place, params):
        params |= overruled
        write_entry(path, ["presets", *place], params)
    if _others(asked, found, place, params):
        raise SuiteError(f"{path}: other entries of preset '{place[0]}' overrule '{place[-1]}'")
    entry = {}
    for name, entered in asdict(source).items():
        if entered not in ("", ()):
            entry[name] = list(entered) if isinstance(entered, tuple) else entered
    write_entry(path, ["tuned", *place], entry, gone)
    written = [f"written: {path}: presets.{'.'.join(place)}: {params}"]
    for pattern in gone:
        written.append(f"gone: {path}: presets.{'.'.join(place[:2])}.{pattern}: it has no effect any more")
    for line, key in comments_above(path, ["presets", *place[:2]]).items():
        written.append(f"read: {path}:{line}: does the comment above {key} still hold?")
    return written


def _without_effect(path: Path, place: Sequence[str], params: Mapping[str, Any]) -> list[str]:
    """Entries for one task each that a new one behind them overrules in all that they say."""
    if not path.exists():
        return []
    preset, prior, pattern = place
    found = []
    for task, values in read_card(path).presets.get(preset, {}).get(prior, {}).items():
        is_one = task == escape(task) and task != pattern
        if is_one and fnmatchcase(task, pattern) and values.keys() <= params.keys():
            found.append(task)
    return found


def settings(asked: SearchRequest, winner: Candidate) -> dict[str, Any]:
    """The parameters of a preset: what was fixed, then what was searched."""
    known = parameters(load_solver(asked.spec).cls)
    steps = {STEPS: asked.steps} if STEPS in known else {}
    return {**steps, **asked.fixed, **winner.settings}


def provenance(asked: SearchRequest, found: Found, i: int, winner: Candidate) -> Tuning:
    """Where the settings of the winner by an objective come from.

    Raises:
        SuiteError: its score is infinite, which no card can have.
    """
    value, fresh, objective = winner.told.scores[i].value, winner.fresh[i].value, asked.chosen[i]
    assert value is not None and fresh is not None
    if not (math.isfinite(value) and math.isfinite(fresh)):
        raise SuiteError(f"{asked.name}: an infinite {objective.name} is no score that a card can have")
    n, data = asked.size.images, asked.family.dataset
    others = [f"{other.name}: " for other in asked.chosen if other is not objective]
    remarks = [text for text in found.remarks if not text.startswith(tuple(others))]
    return Tuning(
        objective=objective.name,
        score=fresh,
        search_score=value,
        budget=asked.evaluations,
        spent=found.spent,
        candidates=len(found.candidates),
        images=f"{data}:1-{n}",
        fresh=f"{data}:{n + 1}-{n + asked.size.fresh}",
        tasks=found.tasks,
        date=found.newest[:10],
        code=", ".join(map(short_commit, found.code)),
        optuna=optuna_version(),
        sampler=SAMPLER,
        remarks=tuple(remarks),
    )


def _others(
    asked: SearchRequest, found: Found, place: Sequence[str], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Parameters that other entries of the preset change in a task of the family, as they should be."""
    list_cards.cache_clear()
    solver, changed, preset = load_solver(asked.spec), dict[str, Any](), place[0]
    wanted = build_solver(solver, params, str)
    for row in asked.family.tasks:
        if row.name not in found.tasks:
            continue
        resolved = resolve(asked.spec, preset, found.prior, row.name, row.operator)[1]
        now = build_solver(solver, resolved, str)
        for f in fields(wanted):
            if f.init and getattr(now, f.name) != getattr(wanted, f.name):
                changed[f.name] = getattr(wanted, f.name)
    return changed
