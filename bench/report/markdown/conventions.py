"""The end of a page: how to read every number on it, and what the operators are."""

from collections.abc import Sequence

from bench.records.manifest import RunManifest, TaskEntry
from bench.report.columns import Column
from bench.report.text import bullets, code, distinct, escape, noise_text, plain, sentence, table_line
from bench.stats.intervals import FEWEST

LONG = 1000
"""Most characters of a convention."""
IMAGES = (
    "Images are in [−1, 1] from dataset to solver; metrics see them clipped and mapped to [0, 1]. σ is the "
    "standard deviation of the noise in y in [−1, 1] units: 0.1 here is 0.05 where a paper works in [0, 1]."
)
MEASUREMENTS = (
    "The rows of a table saw the same measurements: noise, masks and kernels depend on seed, dataset, image "
    "and task only, and each record carries a hash of its y, which is compared here."
)
INTERVALS = (
    "Intervals: 95 % of the mean over images, Student's t corrected for skewness (Hall 1992); several "
    f"samples of an image are averaged first; fewer than {FEWEST} images have none."
)
RANKING = (
    "Ranking: among rows with the table's usual number of images. Two rows are compared over the images "
    f"that both finished, at least {FEWEST}, by the mean of the per-image differences. The intervals of all "
    "differences of a task and metric hold together with 95 % certainty: the largest studentised "
    "difference of the table over random signs of images sets their width (max-T, Westfall and Young "
    "1993). Places are the range that these intervals leave. Rows that are not ranked are compared with "
    "the best one in a family of their own. Metrics and tasks are separate families. The difference that "
    "would be seen is found in four of five such tables."
)
TRUTHS = (
    "FID and KID compare the reconstructions of a row (its own images, first samples) with the true images "
    "of the same row. KID is the squared MMD with kernel (x·y / d + 1)³ over pairs of different images, "
    "hence unbiased at any n though both sets show the same images; its interval is ± 1.96 jackknife "
    "errors, and rows tie where chance may do it among so many rows (joint normal errors, Bonferroni)."
)
DATASET = (
    "FID and KID compare the reconstructions of a row (its own images, first samples) with {named}. KID is "
    "the squared MMD with kernel (x·y / d + 1)³, unbiased if the two sets are independent, and biased "
    "downwards where they show equal images; its interval is ± 1.96 jackknife errors, and rows tie where "
    "chance may do it among so many rows (joint normal errors, Bonferroni)."
)
COUNTS = "NFE: network evaluations per image; vjps: backward passes through the network per image."
SECONDS = (
    "Seconds: the solver's clock of a batch divided by its size, over batches of the commonest size; "
    "interval over batches"
)
FAILURES = (
    "n: images on which every sample succeeded; failed: reconstructions that did not. Failures are never "
    "averaged over in silence: a row with failed or missing images is put in brackets and not ranked."
)


def conventions(
    columns: Sequence[Column], runs: Sequence[RunManifest], more: Sequence[str] = ()
) -> list[str]:
    """How to read every number of the page."""
    clocks = distinct(run.seconds for run in runs if run.seconds)
    seconds = SECONDS
    for text in clocks:
        seconds += f". The clock: {sentence(text, LONG)}"
    lines = [IMAGES, MEASUREMENTS, *metric_notes(columns), INTERVALS, RANKING, *_sets(runs), COUNTS]
    lines += [f"{seconds}.", *more, FAILURES]
    return ["## Conventions", bullets(lines)]


def metric_notes(columns: Sequence[Column]) -> list[str]:
    """What a reader has to know of each metric."""
    return [f"{column.label}: {sentence(column.note, LONG)}." for column in columns if column.note]


def _sets(runs: Sequence[RunManifest]) -> list[str]:
    """What the sets of FID and KID are, for each kind of run."""
    found: dict[str, None] = {}
    for sets in [run.sets for run in runs] or [None]:
        about = sets.fid_stats if sets else None
        if about:
            named = f"the {about['n']} images of {escape(about['dataset'])} (list {about['list'][:12]})"
            found[DATASET.format(named=named)] = None
        else:
            found[TRUTHS] = None
    return list(found)


def operator_table(runs: Sequence[RunManifest]) -> list[str]:
    """One line per task; nothing where no manifest states conventions, as those of early versions."""
    tasks = [task for run in runs for task in run.tasks]
    if not any(task.conventions for task in tasks):
        return []
    lines = dict.fromkeys(map(_operator, tasks))
    head = ["| Task | σ in \\[−1, 1\\] | σ in \\[0, 1\\] | Operator | What it is |", "|:--|--:|--:|:--|:--|"]
    return ["### Operators", "\n".join([*head, *lines])]


def _operator(task: TaskEntry) -> str:
    """The line of one task."""
    facts = [noise_text(task.sigma, task.noise)] if task.noise else []
    if task.told:
        facts.append("solvers are told " + ", ".join(f"{name} {plain(v)}" for name, v in task.told.items()))
    facts += [f"{topic}: {text}" for topic, text in (task.conventions or {}).items()]
    sigmas = ["–", "–"] if task.sigma is None else [f"{task.sigma:g}", f"{task.sigma / 2:g}"]
    return table_line(
        [escape(task.name), *sigmas, code(task.operator or "–"), escape("; ".join(facts)) or "–"]
    )
