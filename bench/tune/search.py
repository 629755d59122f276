"""One search: the rules.

1. The first candidate is the method with its defaults, as near to them as the search space has it.
2. Candidates are asked in batches of `BATCH`, the first batch from a quasi-random sequence, later ones from
   Gaussian processes, which are told of all objectives. Presets do not enter.
3. The budget is in evaluations of the network, a backward pass counted as one; a candidate without any, such
   as one that fails at once, counts as the usual number. A batch has as many candidates as can be paid if
   each costs as much as the dearest so far; the search ends where none can, or where no new one is found.
4. Where, behind the start, the best candidate by an objective lies at an end of a range, that end is moved by
   a quarter of the range's length, once, unless it is firm or the method's own range ends there. What is
   chosen at an end, also of choices between numbers, is said.
5. The best `FINALISTS` by each objective run on fresh images, and the best there is chosen. That is beside
   the budget, alike for all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.names import nearest
from bench.plan.cell import Cell
from bench.records.record import Record
from bench.suites.cards import card_of
from bench.suites.yamlfile import SuiteError, YamlSource
from bench.tune.candidates.asking import Told, ask
from bench.tune.candidates.points import Spaces
from bench.tune.objectives import CandidateScore, Objective, score
from bench.tune.trials import Trials

BATCH = 4
FINALISTS = 3


@dataclass(frozen=True)
class Candidate:
    """A candidate and what it scored.

    Attributes:
        settings: the parameters that were searched.
        evaluations: spent on it in the search; fresh images are not counted.
        fresh: scores by each objective on fresh images; () where it is no finalist.
    """

    told: Told
    settings: Mapping[str, Any]
    evaluations: int
    fresh: tuple[CandidateScore, ...] = ()


@dataclass
class Found:
    """What a search has found so far.

    Attributes:
        remarks: ranges that were widened, and values at the edge of one.
        winners: the best candidate by each objective, None before the end or where all are lost.
        tasks: those that the method takes.
        prior: what presets call it, which need not be what the suite does: that may be a path.
        newest: when the newest record was made, ISO 8601.
        commits: of the records, each with when the first of its records was made.
        refusal: why it takes none; then there is nothing else.
        failure: why the search could not be made or ended; then there is nothing else here, but what it
            recorded is kept.
        is_request: whether that is because of what was asked.
    """

    candidates: list[Candidate] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    winners: list[Candidate | None] = field(default_factory=list)
    tasks: tuple[str, ...] = ()
    prior: str = ""
    newest: str = field(default="", compare=False)
    commits: dict[str, str] = field(default_factory=dict, compare=False)
    refusal: str = ""
    failure: str = ""
    is_request: bool = False

    def note_origin(self, records: Sequence[Record]) -> None:
        """Notes when and by which code records were made."""
        for record in records:
            self.newest = max(self.newest, record.created)
            if record.commit:
                first = self.commits.get(record.commit, record.created)
                self.commits[record.commit] = min(first, record.created)

    @property
    def code(self) -> list[str]:
        """The commits, the oldest records first."""
        return sorted(self.commits, key=self.commits.__getitem__)

    @property
    def spent(self) -> int:
        """Evaluations so far."""
        return sum(candidate.evaluations for candidate in self.candidates)

    @property
    def dearest(self) -> int:
        """Evaluations of the dearest candidate so far; 0 without any."""
        return max((candidate.evaluations for candidate in self.candidates), default=0)


class Search:
    """A search for the settings of a method on a family of tasks.

    Args:
        budget: evaluations that may be spent.
        usual: evaluations that a candidate counts as which makes none.
        seed: of the candidates.

    Attributes:
        tell: is called after every batch that is computed.

    Raises:
        SuiteError: nothing can be searched, the method has no such parameter, or the card's range leaves the
            method's own.
    """

    def __init__(
        self, trials: Trials, objectives: Sequence[Objective], budget: int, usual: int, seed: int
    ) -> None:
        self.trials, self.objectives, self.seed = trials, tuple(objectives), seed
        self.budget, self.usual = budget, usual
        self.tell: Callable[[Found], None] = lambda _: None
        spaces = {name: s for name, s in card_of(trials.spec).search.items() if name not in trials.fixed}
        if not spaces:
            raise SuiteError(
                f"{trials.spec} has nothing to tune; write the ranges of its parameters under `search` "
                "in its card"
            )
        refuse_unknown(trials.spec, spaces, trials.defaults())
        self.card_spaces = self.spaces = Spaces(spaces, trials.known())
        self._refuse_outside()
        self.widened: set[tuple[str, str]] = set()

    def _refuse_outside(self) -> None:
        """Refuses ranges that leave the method's own."""
        middle = self.spaces.nearest_point({})
        for name, space in self.spaces.spaces.items():
            for value in space.choices or (space.low, space.high):
                try:
                    self.trials.build(self.spaces.settings({**middle, name: value}))
                except SuiteError as error:
                    raise SuiteError(f"search.{name} leaves the range of the method: {error}") from None

    def first(self) -> dict[str, Any]:
        """The parameters of the first candidate."""
        return self.spaces.settings(self.spaces.nearest_point(self.trials.defaults()))

    def run(self) -> Found:
        """Searches to the end; what is recorded is not computed again."""
        return self._search(self.trials.run)

    def replay(self) -> tuple[Found, list[dict[str, Any]]]:
        """What the records tell, without computing anything, and the candidates that would come next."""
        pending: list[dict[str, Any]] = []

        def recorded(
            candidates: Sequence[Mapping[str, Any]], images: int | None = None
        ) -> list[list[Record]]:
            records = self.recorded(candidates, images)
            if not records:
                pending.extend(map(dict, candidates))
            return records

        return self._search(recorded), pending

    def recorded(
        self, candidates: Sequence[Mapping[str, Any]], images: int | None = None
    ) -> list[list[Record]]:
        """The records of each candidate; [] where one is missing."""
        cells: list[Cell] = self.trials.cells(candidates, images)
        records = self.trials.records(cells)
        return records if self.trials.is_done(cells, records) else []

    def _search(self, run: Callable[..., list[list[Record]]]) -> Found:
        self.spaces, self.widened = self.card_spaces, set()
        tasks = tuple(row.name for row in self.trials.family.tasks)
        found = Found(tasks=tasks, prior=self.trials.prior)
        for task, reason in self.trials.refused.items():
            found.remarks.append(f"without {task}: {reason}")
        points, is_new = [self.spaces.nearest_point(self.trials.defaults())], False
        while points:
            settings = [self.spaces.settings(point) for point in points]
            is_new = is_new or not self.recorded(settings)
            records = run(settings)
            if not records:
                return found
            for point, params, own in zip(points, settings, records, strict=True):
                candidate = Candidate(Told(point, self._scores(own)), params, self._cost(found, own))
                found.candidates.append(candidate)
                found.note_origin(own)
            if is_new:
                self.tell(found)
            points = self._ask(found)
        return self._decide(found, run)

    def _cost(self, found: Found, records: Sequence[Record]) -> int:
        """What a candidate cost; one that was lost counts as the dearest, if not more."""
        own, lost = 0, False
        for record in records:
            own += (record.nfe + record.vjps) * record.samples_per_problem
            lost = lost or record.status != "ok"
        own = own or self.usual
        return max(own, found.dearest) if lost else own

    def _scores(self, records: Sequence[Record]) -> tuple[CandidateScore, ...]:
        """What records score by each objective."""
        return tuple(score(records, objective) for objective in self.objectives)

    def _ask(self, found: Found) -> list[Any]:
        """The next batch; [] at the end."""
        n = min(BATCH, (self.budget - found.spent) // found.dearest)
        if n < 1:
            return []
        self._widen(found)
        told = [candidate.told for candidate in found.candidates]
        return ask(self.spaces, told, n, self.objectives, self.seed_of(len(told)), self._allows)

    def seed_of(self, tried: int) -> tuple[Any, ...]:
        """What names the batch behind so many candidates."""
        return "tune", self.seed, self.trials.found.name, self.trials.family.name, tried

    def _widen(self, found: Found) -> None:
        """Moves the ends of ranges at which the best candidates lie."""
        if len(found.candidates) <= BATCH:
            return
        for i in range(len(self.objectives)):
            best = ranked(found.candidates, self.objectives, i)[:1]
            for name, end in self.spaces.edges(best[0].told.point) if best else []:
                if (name, end) not in self.widened:
                    self.widened.add((name, end))
                    found.remarks += self._wider(name, end)

    def _wider(self, name: str, end: str) -> list[str]:
        """Moves an end of a range and says so, where the method's own range goes on there."""
        before = self.spaces.spaces[name]
        wider = self.spaces.widened(name, end, self._allows)
        if wider is None:
            return []
        self.spaces = wider
        after = wider.spaces[name]
        return [f"{name}: {before.low:g} .. {before.high:g} widened to {after.low:g} .. {after.high:g}"]

    def _allows(self, params: Mapping[str, Any]) -> bool:
        """Whether the method takes parameters."""
        try:
            self.trials.build(params)
        except SuiteError:
            return False
        return True

    def _decide(self, found: Found, run: Callable[..., list[list[Record]]]) -> Found:
        """Runs the finalists on fresh images and chooses."""
        finalists: set[int] = set()
        for i in range(len(self.objectives)):
            best = ranked(found.candidates, self.objectives, i)[:FINALISTS]
            finalists.update(map(found.candidates.index, best))
        places = sorted(finalists)
        if not places:
            found.winners = [None] * len(self.objectives)
            return found
        size = self.trials.size
        records = run([found.candidates[k].settings for k in places], size.images + size.fresh)
        if not records:
            return found
        for k, own in zip(places, records, strict=True):
            one = found.candidates[k]
            scores = self._scores(self._fresh(own))
            found.candidates[k] = Candidate(one.told, one.settings, one.evaluations, scores)
            found.note_origin(own)
        for i in range(len(self.objectives)):
            found.winners.append(self._winner(found, i))
        return found

    def _fresh(self, records: Sequence[Record]) -> list[Record]:
        """The records of images that the search did not see."""
        data = self.trials.load(self.trials.family.tasks[0]).data
        seen = set(data.ids[: self.trials.size.images])
        return [record for record in records if record.image not in seen]

    def _winner(self, found: Found, i: int) -> Candidate | None:
        """The best finalist on fresh images; of equals that which the search liked more."""
        best = ranked([one for one in found.candidates if one.fresh], self.objectives, i)[:FINALISTS]
        kept = [one for one in best if one.fresh[i].value is not None]
        if not kept:
            return None
        winner = min(kept, key=lambda one: one.fresh[i].rank(self.objectives[i]))
        for name, end in self.spaces.ends(winner.told.point):
            what = f"{self.objectives[i].name}: {name} {winner.settings[name]:g}"
            found.remarks.append(f"{what} is at the {end} end of {self._whose(name, end)}")
        return winner

    def _whose(self, name: str, end: str) -> str:
        """What ends there: choices, a firm range, the method's own, or one that might be longer."""
        space = self.spaces.spaces[name]
        if space.choices:
            return "its choices"
        if space.firm:
            return "its firm range"
        ends = self.spaces.widened(name, end, self._allows) is None
        return "what the method takes" if ends else "its range"


def refuse_unknown(spec: str, searched: Iterable[str], known: Iterable[str]) -> None:
    """Refuses a search of parameters that a method does not have.

    Raises:
        SuiteError: a line for each, with its place in the card.
    """
    names, lines = list(known), list[str]()
    unknown = [name for name in searched if name not in names]
    if not unknown:
        return
    path = card_of(spec).path
    assert path is not None, "what is searched stands in a card"
    source = YamlSource(path)
    for name in unknown:
        lines.append(f"{source.at(('search', name))}: unknown parameter{nearest(name, names)}")
    raise SuiteError("\n".join(lines))


def ranked(candidates: Sequence[Candidate], objectives: Sequence[Objective], i: int) -> list[Candidate]:
    """The candidates that are not lost, the best by an objective first; of equals the earliest."""
    kept = [one for one in candidates if one.told.scores[i].value is not None]
    return sorted(kept, key=lambda one: one.told.scores[i].rank(objectives[i]))
