"""What searches found, as lines for a reader and as a table of all candidates."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.names import counted
from bench.run.progress import duration
from bench.tune.outlook import Outlook
from bench.tune.request import SearchRequest
from bench.tune.search import Candidate, Found, ranked

COLUMNS = (
    "method",
    "family",
    "search",
    "candidate",
    "settings",
    "evaluations",
    "objective",
    "score",
    "fresh",
    "chosen",
)


def found_lines(asked: SearchRequest, found: Found) -> list[str]:
    """A search's outcome: the budget, the winner by each objective, and what to know about ranges."""
    if found.refusal or found.failure:
        reason = found.refusal or found.failure
        return [f"{asked.name}: not tuned: {reason.removeprefix(f'{asked.name}: ')}"]
    spent = f"{found.spent} of {asked.evaluations} evaluations"
    lines = [f"{asked.name}: {counted(len(found.candidates), 'candidate')}, {spent}"]
    for i, (objective, winner) in enumerate(zip(asked.chosen, found.winners, strict=True)):
        text = "every candidate lost an image"
        if winner is not None:
            fresh, value = shown(winner.fresh[i].value), shown(winner.told.scores[i].value)
            text = f"{fresh} on fresh images, {value} when chosen: {words(winner.settings)}"
            if winner.fresh[i].excess:
                text += f" (misfit above its limit by {winner.fresh[i].excess:g})"
        lines.append(f"  {objective.name:12} {text}")
    return [*lines, *(f"  {remark}" for remark in found.remarks)]


def failure_lines(results: Sequence[tuple[SearchRequest, Found]]) -> list[str]:
    """Why searches failed: a line for each reason, with the names of the searches."""
    names: dict[str, list[str]] = {}
    for asked, found in results:
        if found.failure:
            names.setdefault(found.failure, []).append(asked.name)
    lines = []
    for reason, (first, *others) in names.items():
        more = f" and {counted(len(others), 'other')}" if others else ""
        lines.append(f"{first}{more}: {reason.removeprefix(f'{first}: ')}")
    return lines


def progress_line(asked: SearchRequest, found: Found) -> str:
    """How far a search is, and its best scores."""
    best = []
    for i, objective in enumerate(asked.chosen):
        first = ranked(found.candidates, asked.chosen, i)[:1]
        best += [f"{objective.name} {shown(one.told.scores[i].value)}" for one in first]
    n = counted(len(found.candidates), "candidate")
    return (
        f"{asked.name}: {n}, {found.spent} of {asked.evaluations} evaluations; best {', '.join(best) or '-'}"
    )


def words(settings: Mapping[str, Any]) -> str:
    """Parameters as the command line takes them."""
    return " ".join(f"{name}={value}" for name, value in settings.items())


def shown(value: float | None) -> str:
    """A score; "-" where there is none."""
    return "-" if value is None else f"{value:g}"


def _identity(asked: SearchRequest) -> tuple[str, str, str]:
    """What names a search: its method, family, and all else on which its candidates depend.

    How much it may spend is not in it: a search with a larger budget goes on with the same candidates.
    """
    size = asked.size
    about = {
        "steps": asked.steps,
        "images": size.images,
        "samples": size.samples,
        "seed": size.seed,
        "dataset": asked.family.dataset,
        "prior": asked.family.prior,
        "tasks": "+".join(row.name for row in asked.family.tasks),
        "dtype": asked.options.dtype,
        "objectives": "+".join(objective.name for objective in asked.chosen),
    }
    return asked.label, asked.family.name, words(about)


def candidates_csv(results: Sequence[tuple[SearchRequest, Found]], before: str = "") -> str:
    """All candidates of some searches, a line for each objective.

    Args:
        before: an earlier table, whose other searches stay; one of other columns does not.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    made = [_identity(asked) for asked, found in results if found.candidates]
    head, *lines = [*csv.reader(io.StringIO(before))] or [[]]
    if tuple(head) == COLUMNS:
        writer.writerows(line for line in lines if tuple(line[:3]) not in made)
    for asked, found in results:
        for k, candidate in enumerate(found.candidates, 1):
            writer.writerows(_rows(asked, found, k, candidate))
    return text.getvalue()


def _rows(asked: SearchRequest, found: Found, k: int, candidate: Candidate) -> Iterator[tuple[Any, ...]]:
    """The lines of a candidate."""
    head = (*_identity(asked), k, words(candidate.settings), candidate.evaluations)
    for i, objective in enumerate(asked.chosen):
        fresh = shown(candidate.fresh[i].value) if candidate.fresh else ""
        chosen = "<" if found.winners and found.winners[i] is candidate else ""
        yield (*head, objective.name, shown(candidate.told.scores[i].value), fresh, chosen)


def outlook_lines(rows: Sequence[tuple[SearchRequest, Outlook]], threads: int) -> list[str]:
    """What searches would do, and the total.

    Args:
        threads: with which the time was measured.
    """
    lines, total, evaluations, unknown = [], 0.0, 0, False
    for asked, row in rows:
        if row.refusal:
            lines.append(f"{asked.name}: not tuned: {row.refusal}")
            continue
        lines.append(f"{asked.name}: {_plan(asked, row)}")
        lines += [f"  {words(params)}" for params in row.next]
        total, unknown = total + (row.seconds or 0.0), unknown or row.seconds is None
        evaluations += row.left
    more = " and what is marked ?" if unknown else ""
    time = f"about {duration(total)}{more} of solver time, {total / 60 * threads:.0f} core-minutes"
    if not (evaluations or unknown):
        return [*lines, "nothing is left to do"]
    bound = f"at most {evaluations} evaluations to come, if each candidate costs what the first one does"
    return [*lines, f"{bound}; {time}"]


def _plan(asked: SearchRequest, row: Outlook) -> str:
    """A search in one line."""
    size = asked.size
    tasks = counted(len(row.tasks), "task")
    trial = f"{counted(size.images, 'image')} x {tasks} x {counted(size.samples, 'sample')}"
    done = f" ({row.tried} done)" if row.tried else ""
    cost = f"{row.each} evaluations each, {row.candidates * row.each} of {asked.evaluations}"
    fresh = f"then at most {row.fresh} on {size.fresh} fresh images"
    time = "?" if row.seconds is None else duration(row.seconds)
    return f"{counted(row.candidates, 'candidate')}{done} x {trial}; {cost}; {fresh}; about {time}"
