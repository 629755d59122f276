"""report.md of exact suites, and a further page for each prior where the tasks are many."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from bench.names import counted
from bench.records.manifest import RunManifest
from bench.records.record import Record
from bench.report.columns import Column
from bench.report.exact import MARGIN, MetricNumbers, Number, Numbers, ordered, rewards
from bench.report.markdown.cells import label
from bench.report.markdown.conventions import metric_notes
from bench.report.markdown.figures import Shown, figure
from bench.report.markdown.notes import notes
from bench.report.markdown.page import Damage, header
from bench.report.markdown.sources import certified, sources
from bench.report.tables import Row, Table
from bench.report.text import (
    ARROWS,
    NBSP,
    bullets,
    count,
    escape,
    noise_text,
    parameters,
    seconds,
    table_head,
    table_line,
    told_text,
)
from bench.stats.intervals import FEWEST
from bench.stats.metric import printed

GLANCE = ("mmd", "ksd")
"""The distances that are shown at a glance, the first one that a prior has: networks have no MMD."""
SCREEN = ("var_band_", "sw_floor")
"""Beginnings of the metrics that are for figures and exact.csv only."""
LEGEND = (
    "Medians over problems; \\[small print\\]: their 95 % interval, from order statistics. *Italic*: "
    "anchors, not ranked: `exact` draws from the posterior itself, as many samples, which is the floor; "
    "`oracle` is DDPM with the posterior's own denoiser, and with a method's name behind it that method's "
    "sampler with the exact score of the likelihood; `prior` ignores y. **Bold**: a solver that is "
    f"shown to be equivalent to `exact`: within {MARGIN:g} standard deviations of the distance that exact "
    "samples have themselves, by its quartiles over problems. ᶠ: not told apart from `exact`, which is no "
    "proof of being near: what each table would have told apart stands below it. ¹: the solver nearest to "
    "`exact` problem by problem, whose median need not be the lowest. ⁼: not shown to be further than that "
    "one; ʷ: shown to be. All pairs of the rows of a table are compared at once, so that with 95 % certainty "
    "no mark of a column is wrong. (Brackets): failed or missing problems, not ranked."
)
FIGURES = {
    "variance_by_frequency": (
        "Variance by spatial frequency",
        "Numbers: in the figure, and as `var_band_*` in [exact.csv](exact.csv).",
    ),
    "variance_split": (
        "Measured and unmeasured variance",
        "Numbers: `var_ratio_*` in the tables of the tasks and in [exact.csv](exact.csv).",
    ),
    "psnr_vs_distance": (
        "PSNR against the distance to the posterior",
        "Numbers: `sw` and `psnr_sample` in the tables of the tasks and in [exact.csv](exact.csv).",
    ),
}
"""What a figure shows, and where its numbers stand."""
ON_ONE_PAGE = 8
"""More tasks than that have a page for each prior beside the overview: sites do not render pages of over half
a megabyte."""
BACK = "[Overview, figures, sources and conventions](report.md)"
LEARNED = (
    "Where the prior is a network, its posterior is not known, and nothing is ranked: samples are held "
    "against the network's score and the truth only. What is said of exact samples here is about other "
    "tables."
)
CONVENTIONS = (
    "A problem is a truth drawn from the prior, an operator of its own and a noise of its own, the same for "
    "every row. Its posterior is known in closed form, and a record is one set of samples from it.",
    f"The margin of equivalence is {MARGIN:g} standard deviations of their own distance over "
    "problems: where these scatter by chance alone, two exact sets differ by less in 95 % of cases; where "
    "problems differ from each other it is wider than that. RMSE and PSNR of the mean are errors to the one "
    "truth of a problem, with which those of exact samples vary, too, however near two sets of samples are: "
    "no row is equivalent by them.",
    "Rows are compared by asinh((d − e) / s), averaged over problems: d is a row's distance, e that of "
    "exact samples on the same problem, s its standard deviation by its quartiles over problems. Near "
    "exact samples this is their difference; far away a logarithm, so that one problem on which a solver "
    "diverges does not hide the others.",
    "A distance to the posterior says how good a solver is, not whether its code is right: that is what its "
    "certificate says.",
    "`published`: the settings that are published for images; no such row stands where they are the tuned "
    "ones.",
    "Anchors have no certificate: the laws of `ddim` are about their sampler, and tests hold them against "
    "the posterior.",
    "NFE and vjps are per sample, seconds too: the clock of the set divided by its size.",
    "Figures draw what lies beyond at their edge, with an arrow: in the variance split ratios below 0.003 "
    "or above 300, and a PSNR more than 5 dB below that of exact samples. The variance split pools all "
    "tasks of a prior, at all noise levels.",
)


def document(
    tables: Sequence[Table],
    columns: Sequence[Column],
    judged: Sequence[Numbers],
    runs: Sequence[RunManifest],
    figures: Shown,
    damage: Damage,
) -> tuple[str, dict[str, str]]:
    """The page, and further ones by file name: many tasks have pages of their own, one for each prior.

    Args:
        tables: in order.
        columns: their metrics.
        judged: the numbers of each table.
        runs: the manifests.
        figures: those of `FIGURES` that were drawn.
        damage: what of the folders is not as it should be.
    """
    legend = f"<sub>{LEGEND}</sub>"
    parts = [header(tables, runs), *damage.remarks(), *glance(tables, judged, columns), legend]
    for name, (title, numbers) in FIGURES.items():
        parts += figure(name, title, numbers, figures)
    sections: dict[str, list[str]] = {}
    titles: dict[str, list[str]] = {}
    for table, found in zip(tables, judged, strict=True):
        sections.setdefault(table.head.prior, []).extend(section(table, columns, found))
        titles.setdefault(table.head.prior, []).append(escape(table.title))
    pages = {}
    if len(tables) > ON_ONE_PAGE:
        links = []
        for prior, own in sections.items():
            pages[f"{prior}.md"] = _page([f"# {escape(prior)}", BACK, legend, *own])
            links.append(f"[{prior}]({prior}.md): {'; '.join(titles[prior])}")
        parts += ["## Tasks, with all distances", bullets(links)]
    else:
        parts += chain.from_iterable(sections.values())
    shown: set[str] = set().union(*judged)
    learned = [LEARNED] if any(table.head.weights_sha256 for table in tables) else []
    lines = [*learned, *CONVENTIONS, *metric_notes([column for column in columns if column.name in shown])]
    parts += ["## Sources", bullets(sources(tables)), "## Conventions", bullets(lines)]
    return _page(parts), pages


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def glance(tables: Sequence[Table], judged: Sequence[Numbers], columns: Sequence[Column]) -> list[str]:
    """For each prior, rows by tasks of enough problems: the distance, and in small print its interval."""
    by_prior: dict[str, list[tuple[Table, Numbers]]] = {}
    few = []
    for table, found in zip(tables, judged, strict=True):
        if table.usual >= FEWEST:
            by_prior.setdefault(table.head.prior, []).append((table, found))
        else:
            few.append(escape(table.title))
    parts = []
    for prior, own in by_prior.items():
        if column := _glanced_at(own, columns):
            by_table = [(table, numbers.get(column.name, MetricNumbers({}))) for table, numbers in own]
            parts += [f"### {escape(prior)}", _matrix(by_table, column)]
    if not parts:
        return []
    parts.insert(0, "## At a glance")
    if few:
        parts.append(f"Of fewer than {FEWEST} problems, and below only: {', '.join(few)}.")
    return parts


def _glanced_at(own: Sequence[tuple[Table, Numbers]], columns: Sequence[Column]) -> Column | None:
    """The distance that the tables of a prior are shown by."""
    known: set[str] = set().union(*(numbers for _, numbers in own))
    name = next((name for name in GLANCE if name in known), None)
    return next((column for column in columns if column.name == name), None)


def _matrix(judged: Sequence[tuple[Table, MetricNumbers]], column: Column) -> str:
    """Rows by tasks; anchors first."""
    rows: dict[str, Row] = {}
    records: dict[str, list[Record]] = {}
    for table, _ in judged:
        for row in ordered(table):
            rows[row.name] = row
            records.setdefault(row.name, []).extend(row.records)
    titles = [escape(table.title) for table, _ in judged]
    lines = table_head([f"{column.label} ↓", "NFE", *titles])
    for name in sorted(rows, key=lambda name: not rows[name].head.baseline):
        row = rows[name]
        cells = [cell(column, found.rows.get(name), row.head.baseline) for _, found in judged]
        everywhere = replace(row, records=tuple(records[name]))
        lines.append(table_line([_named(everywhere), _cost(row), *cells]))
    return "\n".join(lines)


def section(table: Table, columns: Sequence[Column], judged: Numbers) -> list[str]:
    """One task: what was measured, the table, and the notes without which it must not be read."""
    head = table.head
    shown = [c for c in columns if c.name in judged and not c.name.startswith(SCREEN)]
    metrics = [column.label + ARROWS[column.better] for column in shown]
    lines = table_head(["Solver", *metrics, "NFE", "s / sample", "n", "failed"])
    for row in ordered(table):
        cells = [cell(column, judged[column.name].rows.get(row.name), row.head.baseline) for column in shown]
        about = _cost(row), _time(row, table), len(row.solved), row.n_failed
        lines.append(table_line([_named(row), *cells, *about]))
    problems = f"{counted(table.usual, 'problem')} of {escape(head.dataset)}"
    samples = f"{table.samples_per_problem} samples each, scored as one set"
    operator = f"`{head.operator}`{parameters(head.operator_params)}"
    parts = [
        f"## {escape(table.title)}",
        f"{operator}; {noise_text(head.sigma, head.noise)}{told_text(head.told)}; {problems}, {samples}.",
        "\n".join(lines),
    ]
    remarks = [*_few(table), *_power(shown, judged), *_of_some(table, shown, judged), *_rewards(table)]
    remarks += notes(table, [], {}, None)
    return [*parts, bullets(remarks)] if remarks else parts


def _time(row: Row, table: Table) -> str:
    """Seconds per sample, marked where they do not compare."""
    if not row.seconds:
        return "–"
    return seconds(sum(row.seconds) / len(row.seconds)) + ("‡" if row.timing != table.timing else "")


def _few(table: Table) -> list[str]:
    if table.usual >= FEWEST:
        return []
    return [f"Fewer than {FEWEST} problems cannot tell rows apart: nothing is ranked."]


def _power(columns: Sequence[Column], judged: Numbers) -> list[str]:
    """How far from exact samples a row must be to be told apart, by the metrics that are compared."""
    texts, blind = [], []
    for column in columns:
        found = judged[column.name]
        if np.isfinite(found.seen):
            texts.append(f"{column.label} {found.seen:.1f} ({column.show(found.seen * found.spread)})")
        elif np.isinf(found.seen):
            blind.append(column.label)
    told = [
        "Told apart from `exact` in four of five such tables, in standard deviations of its own distance "
        f"(and in the metric's unit): {', '.join(texts)}. Nearer rows mostly get ᶠ."
    ]
    none = [f"At no distance that often are rows told apart, with so few problems: {', '.join(blind)}."]
    return told * bool(texts) + none * bool(blind)


def _of_some(table: Table, columns: Sequence[Column], judged: Numbers) -> list[str]:
    """Metrics that earlier records have not, so that their medians are over fewer problems."""
    solved, groups = max((len(row.solved) for row in table.rows), default=0), dict[int, list[str]]()
    for column in columns:
        n = max(number.interval.n for number in judged[column.name].rows.values())
        if n < solved:
            groups.setdefault(n, []).append(column.label)
    told = []
    for n, labels in groups.items():
        told.append(f"Of {n} of {solved} problems only, as the other records lack them: {', '.join(labels)}.")
    return told


def _rewards(table: Table) -> list[str]:
    """Which rows with too little variance a PSNR puts above exact samples of the posterior."""
    texts = []
    for reward in rewards(table):
        variance = " and ".join(f"{ratio.median:.2f} {name}" for name, ratio in reward.variances.items())
        texts.append(f"{escape(reward.row)} {printed(reward.gain, '.2f', '+')} dB (variance {variance})")
    if not texts:
        return []
    claim = "One sample of these is above one exact sample, whose variance is 1"
    return [f"**PSNR rewards lost variance.** {claim}: {'; '.join(texts)}."]


def cell(column: Column, number: Number | None, baseline: bool) -> str:
    """A number with its marks, and below it its interval where there is one."""
    if number is None:
        return "–"
    median, low, high, _ = number.interval
    text = column.show(median)
    if number.partial:
        text = f"({text})"
    elif baseline:
        text = f"*{text}*"
    elif number.equivalent:
        text = f"**{text}**"
    text += number.signs
    interval = f"\\[{column.show(low)}, {column.show(high)}\\]".replace(" ", NBSP)
    return text + (f"<br><sub>{interval}</sub>" if np.isfinite(low) else "")


def _named(row: Row) -> str:
    """The name of a row, and the state of its certificate."""
    about = [certified(row), *(escape(folder) for folder in row.folders if f"({folder})" not in row.name)]
    known = ", ".join(filter(None, about))
    return label(row) + (f"<br><sub>{known}</sub>" if known else "")


def _cost(row: Row) -> str:
    """Network evaluations per sample, and backward passes where there are any."""
    nfe, vjps = row.mean("nfe"), row.mean("vjps")
    if nfe is None:
        return "–"
    return count(nfe) + (f" + {count(vjps)}{NBSP}vjps" if vjps else "")
