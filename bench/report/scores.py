"""The numbers of a table: means, intervals, who is best, and the metrics of whole sets of images."""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from bench.names import counted
from bench.records.files import StoreError, write_atomic
from bench.records.keys import digest
from bench.report.columns import SET_METRICS, Metric
from bench.report.planned import Run
from bench.report.tables import Row, Table
from bench.stats.comparisons import FEWEST, paired_difference
from bench.stats.distances import Gaussian, frechet_distance, kernel_distance
from bench.stats.features import (
    MODES,
    FeatureFiles,
    Statistics,
    features_folder,
    read_statistics,
    statistics_path,
)
from bench.stats.intervals import Interval, bootstrap_interval

ENOUGH_FOR_FID = 2048
REV = 1
"""Of how FID and KID are computed; raised when it changes, so that no cached number survives."""


Values = dict[str, float]
"""Image -> score."""


@dataclass(frozen=True)
class Score:
    """One number of a table.

    ``mark`` is ``best``, ``tie`` (not shown to be worse than the best), ``beats`` (not ranked, and shown to
    be better than the best: a baseline, or a row about other images) or empty. ``partial``: images failed or
    are missing, or saw other measurements; never ranked. ``interval`` is None where the metric is absent, for
    the ``reason`` given. ``gap``: to the best row, the paired difference over the images that both have,
    positive where this row is better.
    """

    interval: Interval | None
    mark: str = ""
    reason: str = ""
    partial: bool = False
    gap: Interval | None = None


Scores = dict[str, dict[str, Score]]
"""Metric -> row name -> score, of one table."""


def judge(table: Table, metric: Metric, sets: "Sets") -> dict[str, Score]:
    """Row name -> its score.

    Every row is compared with the best of the `rankable` ones over the images that both have, `FEWEST` at
    least. The fewer they are, the sooner a row is not told apart, which is no merit: a row that is not ranked
    is marked only where it is better.
    """
    scores = {row.name: _own(row, metric, sets) for row in table.rows}
    if metric.name in SET_METRICS:
        return _judge_sets(table, metric, scores)
    values = {row.name: row.scores(metric.name) for row in table.rows}
    whole = {r.name for r in table.rows if comparable(table, r) and 0 < len(values[r.name]) == len(r.solved)}
    ranked = [r.name for r in table.rows if r.name in whole and rankable(table, r)]
    best = leader(ranked, values, metric.better) if metric.better else None
    gaps = {
        name: gap(values[name], values[best], metric.better)
        for name in values
        if best and name not in table.strangers
    }

    def mark(name: str) -> str:
        if name == best:
            return "best" if len(ranked) > 1 else ""
        lead = gaps.get(name) if name in whole else None
        if lead is None:
            return ""
        return "tie" * (lead.high >= 0) if name in ranked else "beats" * (lead.low > 0)

    return {
        name: replace(
            score, mark=mark(name), partial=name not in whole, gap=gaps.get(name) if name != best else None
        )
        for name, score in scores.items()
    }


def leader(names: Sequence[str], values: dict[str, Values], better: int) -> str | None:
    """The row that is ahead of every other one, in the mean over the images that the two share.

    With equal images for all this is the row with the best mean. With unequal ones it may be that none is
    ahead of all; then it is the one with the smallest worst deficit (minimax). None where no two rows share
    `FEWEST` images.
    """

    def certification_status(name: str) -> tuple[int, float]:
        others = [_shared(values[name], values[other]) for other in names if other != name]
        leads = [better * np.mean(a - b) for a, b in others if len(a) >= FEWEST]
        return len(leads), min(leads, default=0.0)

    if len(names) == 1:
        return names[0]
    best = max(names, key=certification_status, default=None)
    return best if best and certification_status(best)[0] else None


def gap(ours: Values, theirs: Values, better: int) -> Interval | None:
    """How much better the first row is over the images of both, with the paired interval; None for fewer than
    `FEWEST`.
    """
    a, b = _shared(ours, theirs)
    if len(a) < FEWEST:
        return None
    return paired_difference(a, b) if better > 0 else paired_difference(b, a)


def _shared(a: Values, b: Values) -> tuple[np.ndarray, np.ndarray]:
    images = [image for image in a if image in b]
    return np.array([a[i] for i in images]), np.array([b[i] for i in images])


def _own(row: Row, metric: Metric, sets: "Sets") -> Score:
    """A row's number without a rank, over its own images."""
    if metric.name in SET_METRICS:
        return sets.score(row, metric.name)
    if values := row.scores(metric.name):
        return Score(bootstrap_interval(list(values.values())))
    return Score(
        None,
        reason="; ".join(row.reasons(metric.name)) or ("not computed" if row.ok else "no image was finished"),
    )


def comparable(table: Table, row: Row) -> bool:
    """Whether a row finished all its images, on the measurements that the other rows saw."""
    return row.complete and row.name not in table.strangers


def rankable(table: Table, row: Row) -> bool:
    """Whether a row is ranked: a `comparable` one of a solver, with the usual number of images."""
    return comparable(table, row) and not row.head.baseline and row.name not in table.unusual


def _judge_sets(table: Table, metric: Metric, scores: dict[str, Score]) -> dict[str, Score]:
    """Ranked as they are: sets cannot be cut to what two rows share, as means are.

    KID ties where the difference is within 1.96 joint errors. FID has no error and a bias that falls with the
    number of images: it is ranked only where they are enough.
    """
    partial = {row.name: not comparable(table, row) for row in table.rows}
    scores = {name: replace(score, partial=partial[name]) for name, score in scores.items()}
    least = ENOUGH_FOR_FID if metric.name == "fid" else FEWEST
    ranked = [
        r.name
        for r in table.rows
        if rankable(table, r) and (found := scores[r.name].interval) and found.n >= least
    ]
    if len(ranked) < 2:
        return scores
    best = min(ranked, key=lambda name: scores[name].interval.mean)
    top = scores[best].interval

    def near(name: str) -> bool:
        other = scores[name].interval
        return other.mean - top.mean <= np.hypot(other.high - other.mean, top.high - top.mean)

    marks = {name: "tie" for name in ranked if near(name)} | {best: "best"}
    return {name: replace(score, mark=marks.get(name, "")) for name, score in scores.items()}


@dataclass(frozen=True)
class Reference:
    """The best row over the usual images, to compare those rows with that are about fewer.

    ``metric``: in which it is the best. ``over``: number of images -> its scores over just the images of the
    rows that have so many, by metric.
    """

    row: Row
    metric: Metric
    over: dict[int, dict[str, Score]]


def reference(table: Table, metrics: Sequence[Metric], scores: Scores, sets: "Sets") -> Reference | None:
    """None where all rows are about equal images, or none is ranked."""
    metric = next((m for m in metrics if m.better and m.name not in SET_METRICS), None)
    if not table.unusual or metric is None:
        return None
    rows = {
        r.name: r
        for r in table.blocks[0][1]
        if not r.head.baseline and not scores[metric.name][r.name].partial
    }
    best = leader(list(rows), {name: row.scores(metric.name) for name, row in rows.items()}, metric.better)
    if best is None:
        return None
    over = {}
    for n, group in table.blocks[1:]:
        row = rows[best].over(image for r in group for image in r.images)
        if row.records:
            over[n] = {m.name: _own(row, m, sets) for m in metrics}
    return Reference(rows[best], metric, over)


class Sets:
    """FID and KID of rows, from stored features, cached in ``sets.json`` of the first folder.

    An entry is named by the hash of its sorted record keys (and, where they are not the usual ones, of mode
    and reference), and holds the revision of the formulas and the hash of the features behind it. Where the
    feature files are not there (they are not committed), the entry of the same records stands.

    Args:
        folders: run folders.
        runs: their manifests, which say per suite in what mode features are and what they are compared with.
    """

    def __init__(self, folders: Sequence[Path], runs: Sequence[Run] = ()) -> None:
        self.folders = folders
        self.path = folders[0] / "sets.json"
        self.cache, self.changed = {}, False
        self.kinds = {run["suite"]: run.get("sets") or {} for run in runs if "suite" in run}
        with contextlib.suppress(OSError, ValueError):
            self.cache = dict(json.loads(self.path.read_text()))

    def score(self, row: Row, metric: str) -> Score:
        """The FID or KID of the reconstructions (first samples) of a row against their truths or the suite's
        reference.
        """
        first = [group[0] for group in row.solved.values()]
        if len(first) < 3:
            return Score(None, reason="needs at least 3 images")
        kind = self.kinds.get(row.head.suite, {})
        mode, about = kind.get("mode", MODES[0]), kind.get("reference")
        names = [f"{r.key}.npy" for r in first] + [f"truth/{r.image_sha256}.npy" for r in first] * (not about)
        found = [self._find(mode, name) for name in names]
        keys = sorted(r.key for r in first)
        given = [about["list"], *([about["sample"]] if "sample" in about else [])] if about else [None]
        name = digest([keys, mode, *given] if kind else keys)
        missing, entry = found.count(None), self.cache.get(name, {})
        against = self._reference(*given[:1], mode) if about and not missing else None
        other = (
            against is not None and about.get("sample", against.about["sample"]) != against.about["sample"]
        )
        against = None if other else against
        lacks = missing or (about and not against)
        if lacks and entry.get("rev") != REV:
            reasons = [*row.reasons(metric), *row.reasons("inception"), *row.reasons("features")]
            kept = (
                "no features were kept"
                if missing == len(found)
                else f"{counted(missing, 'feature file')} missing"
            )
            return Score(
                None, reason=(reasons or [kept if missing else _no_reference(about, mode, other)])[0]
            )
        if not lacks:
            entry = self._entry(name, found, against)
        error = 1.96 * entry["kid_error"]
        kid = Interval(entry["kid"], entry["kid"] - error, entry["kid"] + error, entry["n"])
        return Score(kid if metric == "kid" else Interval(entry["fid"], np.nan, np.nan, entry["n"]))

    def _find(self, mode: str, name: str) -> Path | None:
        return next(
            (p for folder in self.folders if (p := folder / features_folder(mode) / name).is_file()), None
        )

    @cache  # noqa: B019 - one object per report, which holds 40 MB of statistics once
    def _reference(self, list_sha256: str, mode: str) -> Statistics | None:
        return read_statistics(list_sha256, mode)

    def _entry(self, name: str, paths: list[Path], against: Statistics | None) -> dict:
        content = hashlib.sha256(against.about["pixels"].encode() if against else b"")
        for path in paths:
            content.update(hashlib.sha256(path.read_bytes()).digest())
        known = self.cache.get(name)
        if known is None or (known.get("rev"), known.get("features")) != (REV, content.hexdigest()):
            self.cache[name] = {"rev": REV, "features": content.hexdigest()} | _distances(paths, against)
            self.changed = True
        return self.cache[name]

    def save(self) -> None:
        """Keeps what is new; a folder that cannot be written costs only the cache."""
        if self.changed:
            with contextlib.suppress(StoreError):
                write_atomic(self.path, json.dumps(self.cache, indent=1, sort_keys=True).encode())


def _distances(paths: Sequence[Path], against: Statistics | None) -> dict[str, float]:
    """FID and KID of feature files against a reference; without one, the second half of the files are those
    of the truths.
    """
    if against:
        ours = FeatureFiles(paths)
        fid = frechet_distance(ours, Gaussian(against.mean, against.root))
        kid = kernel_distance(ours, against.rows, within_b=against.within)
    else:
        ours, truths = FeatureFiles(paths[: len(paths) // 2]), FeatureFiles(paths[len(paths) // 2 :])
        fid, kid = frechet_distance(ours, truths), kernel_distance(ours, truths, paired=True)
    return {"n": len(ours), "fid": fid, "kid": kid.value, "kid_error": kid.error}


def _no_reference(about: dict, mode: str, other: bool) -> str:
    given = about.get("given", about["dataset"])
    path, option = statistics_path(about["list"], mode), f" --mode {mode}" * (mode != MODES[0])
    what = (
        f"the reference statistics {path} are of other pixels than the run's"
        if other
        else f"no reference statistics {path}"
    )
    return f"{what}; make them with `python -m bench fid-stats --dataset {given}{option}`"
