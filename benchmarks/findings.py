"""The tables of the findings, computed from the committed records; `claims.py` looks for them there.

Counts over tasks, and medians over tasks, have the interval that other images or problems of the same tasks
would give (95 %, 2000 resamples within each task); nothing is said of other tasks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import combinations

import numpy as np

from bench.report.exact import judge
from bench.report.ranking import comparable, compare, rankable
from bench.report.tables import Row
from bench.stats.family import Family
from bench.stats.intervals import FEWEST, Interval, mean_interval
from benchmarks.recorded import (
    RESAMPLES,
    backward_passes,
    evaluations,
    medians,
    passes_of,
    scores_of,
    tables_of,
    told,
)

SHORT, WHOLE = "docs/findings.md", "docs/findings_tables.md"
"""The documents: two pages, and all rows behind them."""
OFTEN = 4
"""Tasks in which a row of the short table is unbeaten, half of those that there are."""
BY_HAND = "by-hand"
"""The folder of the rows whose settings were chosen from four candidates each, before there was `tune`."""
PUBLISHED = "-published"
"""What the labels of rows with published settings have in them."""
Count = tuple[str, str, str, Mapping[str, int]]
"""Row, evaluations, backward passes, and counts: tasks, those where none is better by PSNR, by LPIPS."""


def unbeaten() -> Iterator[str]:
    """In how many tasks no other row is shown to be better than one, by PSNR and LPIPS, and what it costs."""
    return lines_of(count_unbeaten(lambda _: True), "{} | {}")


def by_task() -> Iterator[str]:
    """The best row of each task by PSNR and LPIPS, and how many no row is shown to be better than."""
    tables, columns = tables_of("linear", "nonlinear", metrics=("psnr", "lpips"))
    for table in tables:
        cells = []
        for column in columns:
            found = compare(table, column)
            counted = sum(not verdict.behind for verdict in found.rows.values())
            cells.append(f"{found.leader} | {counted} of {len(found.rows)}")
        yield f"| {table.title} | {' | '.join(cells)} |"


@cache
def cheap() -> list[Count]:
    """The counts among rows of at most 100 passes."""
    return list(count_unbeaten(lambda rows: max(map(passes_of, rows)) <= 100))


def at_equal_cost() -> Iterator[str]:
    """The same among rows of at most 100 passes."""
    return lines_of(cheap(), "{} + {}")


def often_unbeaten() -> Iterator[str]:
    """Of these the rows that are unbeaten in enough tasks by one of the metrics."""
    often = [count for count in cheap() if max(count[-1]["psnr"], count[-1]["lpips"]) >= OFTEN]
    return lines_of(often, "{} + {}")


def at_twenty() -> Iterator[str]:
    """The same among rows of 20 evaluations."""
    return lines_of(count_unbeaten(lambda rows: rows[0].name.endswith("-20")), "{} + {}")


def lines_of(found: Iterable[Count], cost: str) -> Iterator[str]:
    """The lines of rows that are unbeaten in some task, then a line that names the others, if any.

    Args:
        found: their counts.
        cost: the cells of evaluations and backward passes.
    """
    nowhere = []
    for label, forward, backward, counts in found:
        if counts["psnr"] or counts["lpips"]:
            cells = " | ".join(map(str, counts.values()))
            yield f"| {label} | {cost.format(forward, backward)} | {cells} |"
        else:
            nowhere.append(label)
    if nowhere:
        yield f"| {', '.join(nowhere)} {'| ' * (2 + cost.count('|'))}| 0 | 0 |"


def count_unbeaten(takes: Callable[[Sequence[Row]], bool]) -> Iterator[Count]:
    """The counts of rows, those first that are unbeaten most often.

    Args:
        takes: whether a row, in all of its tasks, takes part.
    """
    tables, columns = tables_of("linear", "nonlinear", metrics=("psnr", "lpips"))
    by_name: dict[str, list[Row]] = defaultdict(list)
    for table in tables:
        for row in filter(partial(rankable, table), table.rows):
            by_name[row.name].append(row)
    taken = {name: rows for name, rows in by_name.items() if takes(rows)}
    counts = {name: {"tasks": len(rows), "psnr": 0, "lpips": 0} for name, rows in taken.items()}
    for table in tables:
        table = replace(table, rows=tuple(row for row in table.rows if row.name in taken))
        for column in columns:
            for label, verdict in compare(table, column).rows.items():
                counts[label][column.name] += not verdict.behind
    for label in sorted(counts, key=lambda label: (-counts[label]["psnr"], -counts[label]["lpips"])):
        yield label, evaluations(taken[label]), backward_passes(taken[label]), counts[label]


def opposed() -> Iterator[str]:
    """How often a score against the truth and the distance to the posterior order tuned rows oppositely."""
    tables = [table for table in tables_of("exact-full")[0] if table.usual >= FEWEST]
    for metric, better, title in (
        ("psnr_sample", 1, "image tasks, PSNR of a sample"),
        ("rmse_sample", -1, "tasks of vectors, RMSE of a sample"),
    ):
        pairs, tasks = 0, 0
        opposite, elsewhere = np.zeros(1 + RESAMPLES), np.zeros(1 + RESAMPLES)
        for table in tables:
            rows = [row for row in table.rows if rankable(table, row) and PUBLISHED not in row.name]
            if not rows[0].scores(metric):
                continue
            truth, distance = better * medians(scores_of(rows, metric)), medians(scores_of(rows, "mmd"))
            for i, j in combinations(range(len(rows)), 2):
                opposite += (truth[:, i] - truth[:, j]) * (distance[:, i] - distance[:, j]) > 0
                pairs += 1
            elsewhere += truth.argmax(axis=1) != distance.argmin(axis=1)
            tasks += 1
        share = told(100 * opposite / pairs, ".0f")
        yield f"| {tasks} {title} | {pairs} | {share} % | {told(elsewhere, '.0f')} |"


def distances() -> Iterator[str]:
    """Distances of all methods to the posterior in the tasks of suite exact, by the mean of their places."""
    tables, (mmd,) = tables_of("exact", metrics=("mmd",))
    lines: dict[str, list[str]] = defaultdict(list)
    found_in, places = defaultdict(list), defaultdict(list)
    for table in tables:
        rows = [row for row in table.rows if rankable(table, row)]
        found = medians(scores_of(rows, mmd.name))[0]
        judged = judge(table, mmd).rows
        for place, i in enumerate(found.argsort()):
            row, shown = rows[i], f"{found[i]:.3f}"
            lines[row.name].append(shown if judged[row.name].mark == "worse" else f"**{shown}**")
            places[row.name].append(place)
            found_in[row.name].append(row)
    for label in sorted(lines, key=lambda label: np.mean(places[label])):
        yield f"| {label} | {backward_passes(found_in[label])} | {' | '.join(lines[label])} |"


def published() -> Iterator[str]:
    """What settings tuned by MMD change beside the published ones, method by method."""
    found = defaultdict(list)
    for table in tables_of("exact-full")[0]:
        rows = {row.name: row for row in table.rows if table.usual >= FEWEST and comparable(table, row)}
        for name in rows:
            tuned = name.replace(PUBLISHED, "")
            if tuned != name and tuned in rows:
                found[tuned].append(medians(scores_of([rows[tuned], rows[name]], "mmd")))
    for label, tasks in found.items():
        ours, theirs = np.stack(tasks, axis=-1).swapaxes(0, 1)
        nearer, ratio = (ours < theirs).sum(axis=-1), np.median(ours / theirs, axis=-1)
        yield f"| {label} | {len(tasks)} | {told(nearer, '.0f')} | {told(ratio, '.2f')} |"


def gains() -> Iterator[str]:
    """What `tune` changes beside settings chosen by hand: the least and the largest gain of the tasks."""
    before = {table.slug: table for table in tables_of(f"{BY_HAND}/linear", f"{BY_HAND}/nonlinear")[0]}
    found: list[tuple[str, str, Row, Row]] = []
    for table in tables_of("linear", "nonlinear")[0]:
        rows = {row.name: row for row in table.rows}
        for old in before[table.slug].rows if table.slug in before else ():
            if old.name in rows:
                found.append((old.name, table.slug, old, rows[old.name]))
    return changes(found)


def half_the_steps() -> Iterator[str]:
    """What half the steps change for methods whose steps need a backward pass: the least and the most."""
    return fewer_steps("-50")


def a_fifth_of_the_steps() -> Iterator[str]:
    """What a fifth of the steps changes: the least and the most."""
    return fewer_steps("-20")


def fewer_steps(ending: str) -> Iterator[str]:
    """Rows whose labels end so, beside those of the same methods at 100 evaluations."""
    found: list[tuple[str, str, Row, Row]] = []
    for table in tables_of("linear", "nonlinear")[0]:
        rows = {row.name: row for row in table.rows if rankable(table, row)}
        for name, row in rows.items():
            whole = rows.get(name.removesuffix(ending) + "-100")
            if name.endswith(ending) and whole is not None:
                found.append((name, table.slug, whole, row))
    return changes(found)


def changes(found: Sequence[tuple[str, str, Row, Row]]) -> Iterator[str]:
    """The least and the largest change of PSNR and LPIPS over tasks.

    Args:
        found: a name, a task, and the rows before and after, on the same images.
    """
    differences = defaultdict(lambda: defaultdict(dict))
    for name, task, old, new in found:
        for metric in ("psnr", "lpips"):
            difference = np.diff(scores_of([old, new], metric))[:, 0]
            differences[name][metric][task] = mean_interval(difference)
    for name, metrics in differences.items():
        cells = []
        for metric, spec in (("psnr", "+.2f"), ("lpips", "+.3f")):
            by_gain = sorted(metrics[metric].items(), key=lambda item: item[1].mean)
            cells += [gain(*by_gain[0], spec), gain(*by_gain[-1], spec)]
        yield f"| {name} | {len(metrics['psnr'])} | {' | '.join(cells)} |"


def gain(task: str, found: Interval, spec: str) -> str:
    """A difference with its interval, and where."""
    return f"{found.mean:{spec}} [{found.low:{spec}}, {found.high:{spec}}] ({task})"


def pairs() -> Iterator[str]:
    """Of the pairs of ranked rows in tasks of fashion32, how many are told apart, equivalent, or neither."""
    tables, columns = tables_of("linear", "nonlinear", metrics=("psnr", "ssim", "lpips"))
    for column in columns:
        counts = np.zeros(3, int)
        for table in tables:
            verdicts = compare(table, column)
            if verdicts.family:
                counts += count_pairs(verdicts.family, verdicts.margin or 0.0)
        yield f"| {column.label} | {counts.sum()} | {' | '.join(map(str, counts))} |"


def count_pairs(family: Family, margin: float) -> np.ndarray:
    """How many pairs are shown to differ, are shown to be within the margin, and neither, (3,)."""
    counts = np.zeros(3, int)
    for (i, a), (j, b) in combinations(enumerate(family.names), 2):
        apart = family.beaten[i, j] or family.beaten[j, i]
        counts[1 if family.within(a, b, margin) else 0 if apart else 2] += 1
    return counts


def findings() -> Iterator[tuple[str, str, str, Iterator[str]]]:
    """The tables that the two documents must have: document, section, start of the head, lines."""
    yield SHORT, "What separates methods at equal cost", "| row |", often_unbeaten()
    yield SHORT, "Where PSNR and the distance to the posterior disagree", "| of |", opposed()
    yield SHORT, "What tuning changes", "| row |", published()
    yield SHORT, "What is not told apart", "| by |", pairs()
    yield WHOLE, "At any cost", "| row |", unbeaten()
    yield WHOLE, "Task by task", "| task |", by_task()
    yield WHOLE, "At equal cost", "| row |", at_equal_cost()
    yield WHOLE, "Half the steps", "| row |", half_the_steps()
    yield WHOLE, "At 20 evaluations", "| row |", at_twenty()
    yield WHOLE, "A fifth of the steps", "| row |", a_fifth_of_the_steps()
    yield WHOLE, "Tuned settings beside settings chosen by hand", "| row |", gains()
