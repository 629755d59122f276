"""What the page says about its runs, metrics and tasks."""

import re
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from bench.names import counted
from bench.records.keys import canonical
from bench.records.manifest import RunManifest, TaskEntry
from bench.records.record import Record
from bench.report.columns import SET_METRICS, Column
from bench.report.html.numbers import Shown
from bench.report.markdown.conventions import COUNTS, IMAGES, MEASUREMENTS
from bench.report.tables import Table, records_of
from bench.report.text import distinct, noise_text, plain
from bench.stats.intervals import FEWEST

SHORTEST = 20
"""Most letters of a task's short name; the head of a column may take two lines."""
DIRTY = "-dirty"
"""What a commit ends with where files had changed."""
UNITS = {"PSNR": "dB"}
"""First word of a metric's label -> its unit."""
ABOUT = {
    "psnr": "Peak signal-to-noise ratio",
    "ssim": "Structural similarity",
    "lpips": "Learned perceptual distance",
    "misfit": "Distance of A x to y. Below 1 a row fits noise, above 1 it does not explain the measurement: "
    "neither direction is better, so nothing is ranked",
    "fid": "Fréchet distance of features, one number for a set of images, without an interval",
    "kid": "Squared MMD of features × 1000, one number for a set of images; the interval is ± 1.96 "
    "jackknife errors",
}
INTERVALS = (
    "Intervals: 95 % of the mean over images, Student's t corrected for skewness, from "
    f"{FEWEST} images on; several samples of an image are averaged first. On exact suites: of the median "
    "over problems."
)
RANKS = (
    "Ranks: all pairs of a task's ranked rows are compared at once, over the images that both have, by "
    "flipping the signs of differences: with 95 % certainty no interval of the task misses its difference. "
    "A row's range is 1 + the rows that are better than it, to the number of rows minus those that are "
    "worse."
)


def header(
    tables: Sequence[Table], runs: Sequence[RunManifest], n_bad: int, damaged: Sequence[str]
) -> dict[str, Any]:
    """What was run on what, by which code, when; no path of the machine."""
    records: list[Record] = []
    for table in tables:
        records += [*table.skipped, *records_of([table])]
    suites = _each(records, "suite")
    versions: dict[str, dict[str, None]] = {}
    for found in {id(record.versions): record.versions for record in records}.values():
        for name, version in sorted(found.items()):
            versions.setdefault(name, {})[version] = None
    return {
        "title": ", ".join(distinct(run.title for run in runs if run.title)) or suites,
        "suite": suites,
        "facts": _facts(tables, records, runs),
        "bad": _damage(n_bad, damaged),
        "reading": [IMAGES, MEASUREMENTS, INTERVALS, RANKS, COUNTS, *_clocks(runs)],
        "commands": distinct(run.command for run in runs if run.command),
        "versions": {name: ", ".join(found) for name, found in sorted(versions.items())},
        "cite": _citation(suites, records, tables),
    }


def _damage(n_bad: int, damaged: Sequence[str]) -> list[str]:
    """What of the run folders could not be read."""
    found = []
    if n_bad:
        found.append(
            f"{counted(n_bad, 'damaged journal line')} skipped: run the suite again to fill the gaps."
        )
    if damaged:
        found.append(f"{counted(len(damaged), 'picture')} cannot be read: {_few(damaged)}.")
    return found


def _facts(
    tables: Sequence[Table], records: Sequence[Record], runs: Sequence[RunManifest]
) -> list[list[str]]:
    """Name, text and small print of each fact."""
    usual = sorted({table.usual for table in tables if table.rows}) or [0]
    counts = f"{usual[0]} to {usual[-1]}" if len(usual) > 1 else str(usual[0])
    what = "problems" if any(table.samples_per_problem > 1 for table in tables) else "images"
    noise, halves, machines = dict[str, None](), dict[str, None](), dict[str, None]()
    for record in {(record.sigma, id(record.noise)): record for record in records}.values():
        noise[noise_text(record.sigma, record.noise)] = None
        if record.sigma is not None:
            halves[f"{record.sigma / 2:g}"] = None
    for threads, dtype in dict.fromkeys(map(attrgetter("threads", "dtype"), records)):
        machines[f"{counted(threads, 'thread')}, {dtype}"] = None
    days = {record.created[:10] for record in records if record.created}
    failed = sum(record.status not in {"ok", "skipped"} for record in records)
    made = distinct((min(days), max(days))) if days else ["not recorded"]
    commits = _few(_commits(records)) or "commit not recorded"
    folders = distinct(folder for table in tables for row in table.rows for folder in row.folders)
    return [
        *([["Run folders", str(len(folders)), ", ".join(folders)]] if folders else []),
        [what.capitalize(), f"{counts} of {_few(_distinct(records, 'dataset'))}", _dataset(runs)],
        ["Prior", _few(_distinct(records, "prior")), _hashes(map(attrgetter("weights_sha256"), records))],
        [
            "Noise",
            _few(list(noise)) + " in [−1, 1]" * bool(halves),
            f"{_few(list(halves))} in [0, 1]" * bool(halves),
        ],
        ["Made", " – ".join(made), f"seed {_each(records, 'seed')}; {commits}"],
        ["Machine", _each(records, "device"), "; ".join(machines)],
        [
            "Records",
            f"{len(records):,}".replace(",", "\u202f"),
            f"{failed} failed" if failed else "none failed",
        ],
    ]


def _few(texts: Sequence[str]) -> str:
    """At most three of the texts."""
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")


def _commits(records: Iterable[Record]) -> list[str]:
    """The beginnings of the commits, with a mark where files had changed; those first."""
    found = distinct(map(_commit, dict.fromkeys(map(attrgetter("commit"), records))))
    return sorted(found, key=lambda commit: not commit.endswith(DIRTY))


def _commit(commit: str | None) -> str:
    if not commit:
        return "commit not recorded"
    return commit[:12] + (DIRTY if commit.endswith(DIRTY) else "")


def _dataset(runs: Sequence[RunManifest]) -> str:
    return _hashes(run.dataset_sha256 for run in runs)


def _hashes(values: Iterable[str | None]) -> str:
    """The beginnings of distinct hashes; "" where none is known."""
    found = distinct(value[:12] for value in values if value)
    return f"sha256 {_few(found)}" if found else ""


def _each(records: Iterable[Record], name: str) -> str:
    """The distinct values of a field."""
    return ", ".join(_distinct(records, name))


def _distinct(records: Iterable[Record], name: str) -> list[str]:
    return distinct(dict.fromkeys(map(attrgetter(name), records)))


def _clocks(runs: Sequence[RunManifest]) -> list[str]:
    """What each clock counts."""
    clocks = distinct(run.seconds for run in runs if run.seconds)
    return [f"Seconds, per image: {clock.rstrip('.')}." for clock in clocks]


def _citation(suite: str, records: Sequence[Record], tables: Sequence[Table]) -> str:
    """A BibTeX entry of these results."""
    n = ", ".join(distinct(table.usual for table in tables))
    commits = ", ".join(_commits(records))
    note = f"{_each(records, 'dataset')}, n = {n}, seed {_each(records, 'seed')}, {commits}"
    year = max((record.created[:4] for record in records), default="")
    title = f"diffusion-inverse-bench, suite {suite}"
    lines = [f"  title = {{{title}}},", f"  note  = {{{note}}},", f"  year  = {{{year}}}}}"]
    return "\n".join(["@software{diffusion_inverse_bench,", *lines])


def metric_entries(columns: Sequence[Column], shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """How each metric is printed and read."""
    margins: dict[str, float | None] = {}
    for one in shown:
        margins |= {name: verdicts.margin for name, verdicts in one.verdicts.items()}
    entries = []
    for column in columns:
        word = column.label.partition(",")[0]
        about = ": ".join(filter(None, (ABOUT.get(column.name), column.note)))
        entries.append(
            {
                "id": column.name,
                "label": column.label,
                "unit": UNITS.get(word, ""),
                "digits": column.decimals,
                "better": column.better,
                "scale": None if column.name in SET_METRICS else 10 ** (column.decimals + 1),
                "margin": margins.get(column.name),
                "about": f"{about or 'The manifest says nothing about it'}.",
            }
        )
    return entries


def task_entry(table: Table, runs: Sequence[RunManifest]) -> dict[str, Any]:
    """One task: its name, operator and images."""
    head = table.head
    facts = [noise_text(head.sigma, head.noise)] if head.noise else []
    facts += [f"{topic}: {text}" for topic, text in _conventions(head, runs).items()]
    if head.told:
        facts.append(f"solvers are told {canonical(head.told)}")
    params = [f"{name} {plain(value)}" for name, value in head.operator_params.items() if value is not None]
    unit = "problem" if table.samples_per_problem > 1 else "image"
    noise = noise_text(head.sigma, head.noise)
    where = f"{table.title}, {counted(table.usual, unit)}, {noise}, prior {head.prior}"
    return {
        "id": table.slug,
        "title": table.title,
        "op": head.operator,
        "params": ", ".join(params),
        "sigma": head.sigma,
        "what": "; ".join(facts),
        "n": table.usual,
        "unit": unit,
        "images": list(table.images),
        "where": where,
    }


def shortened(titles: Sequence[str], names: Sequence[str]) -> list[str]:
    """At most `SHORTEST` letters for the head of each column: titles, or names where some title is longer."""
    if all(len(title) <= SHORTEST for title in titles):
        return list(titles)
    spoken = (re.sub(r"[_-]+", " ", name) for name in names)
    return [text if len(text) <= SHORTEST else text[: SHORTEST - 1].rstrip() + "…" for text in spoken]


def _conventions(head: Record, runs: Sequence[RunManifest]) -> dict[str, str]:
    """What the newest manifest says of a task's operator."""
    tasks: list[TaskEntry] = []
    for run in runs:
        if run.suite == head.suite:
            tasks += [task for task in run.tasks if task.name == head.task and task.conventions]
    return dict(tasks[-1].conventions) if tasks else {}
