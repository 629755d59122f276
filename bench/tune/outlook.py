"""What searches would do, before they do it."""

from typing import Any, NamedTuple

from bench.plan.options import mode
from bench.tune.candidates.asking import Told, ask
from bench.tune.objectives import CandidateScore
from bench.tune.request import SearchRequest, make_search, refuse_budget
from bench.tune.search import BATCH, FINALISTS, Search


class Outlook(NamedTuple):
    """What a search would do.

    Attributes:
        tasks: those that the method takes.
        tried: candidates whose records are there.
        candidates: all that the budget pays for, if each costs what the first one does.
        each: evaluations of a candidate, backward passes included.
        fresh: evaluations beside the budget, on fresh images, at most.
        left: evaluations of both that are missing, at most.
        seconds: of solver time for all that is missing; None where the method fails.
        next: candidates that are known and have no records.
    """

    refusal: str = ""
    tasks: tuple[str, ...] = ()
    tried: int = 0
    candidates: int = 0
    each: int = 0
    fresh: int = 0
    left: int = 0
    seconds: float | None = 0.0
    next: tuple[dict[str, Any], ...] = ()


def outlook(asked: SearchRequest) -> Outlook:
    """Says what a search would do, after a few steps of its first candidate.

    Raises:
        SuiteError: what is asked does not make sense, or the budget is below one candidate.
    """
    with mode(asked.options):
        search = make_search(asked)
        if isinstance(search, str):
            return Outlook(refusal=search)
        found, pending = search.replay()
        each, seconds = search.trials.cost(search.first())
    tried, ended = len(found.candidates), bool(found.winners)
    if each > asked.evaluations and not tried:
        refuse_budget(asked, each)
    paid = asked.evaluations // each if each else asked.candidates
    candidates = tried if ended else int(min(max(paid, tried), search.spaces.size()))
    finalists = min(FINALISTS * len(asked.objectives), candidates)
    fresh = round(finalists * each * asked.size.fresh / asked.size.images)
    left = 0 if ended else (candidates - tried) * each + fresh
    if seconds is not None:
        share = 0.0 if ended else candidates - tried + finalists * asked.size.fresh / asked.size.images
        seconds *= share
    known = tuple(pending) if tried else (*pending, *start(search, candidates - 1))
    return Outlook(
        tasks=found.tasks,
        tried=tried,
        candidates=candidates,
        each=each,
        fresh=fresh,
        left=left,
        seconds=seconds,
        next=() if ended else known,
    )


def start(search: Search, most: int) -> list[dict[str, Any]]:
    """The quasi-random start, which no score enters."""
    first = search.spaces.nearest_point(search.trials.defaults())
    told = [Told(first, tuple(CandidateScore(None) for _ in search.objectives))]
    n = min(BATCH, most)
    if n < 1:
        return []
    points = ask(search.spaces, told, n, search.objectives, search.seed_of(1))
    return [search.spaces.settings(point) for point in points]
