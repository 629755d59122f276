"""The numbers of a table: means, intervals, who is best, and the metrics of whole sets of images."""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.records import StoreError, digest, write_atomic
from bench.report.tables import SET_METRICS, Metric, Row, Table
from bench.stats import FEWEST, Interval, bootstrap_interval, frechet_distance, kernel_distance, paired_difference, ties

ENOUGH_FOR_FID = 2048
REV = 1
"""Of how FID and KID are computed; raised when it changes, so that no cached number survives."""


@dataclass(frozen=True)
class Score:
    """One number of a table.

    ``mark`` is ``best``, ``tie`` (the paired interval against the best holds 0), ``beats`` (a baseline that is better than
    every solver) or empty. ``partial``: not over all images of the table, or on other measurements; never ranked.
    ``interval`` is None where the metric is absent, for the ``reason`` given.
    """

    interval: Interval | None
    mark: str = ""
    reason: str = ""
    partial: bool = False


def judge(table: Table, metric: Metric, sets: "Sets") -> dict[str, Score]:
    """Row name -> its score. Only solvers that finished every image of the table, on the same measurements, are ranked."""
    if metric.name in SET_METRICS:
        return _judge_sets(table, metric, {row.name: sets.score(row, metric.name) for row in table.rows})
    values = {row.name: row.scores(metric.name) for row in table.rows}
    scores = {row.name: _mean(row, metric, values[row.name]) for row in table.rows}
    whole = [r for r in table.rows if comparable(table, r) and len(values[r.name]) == len(table.images)]
    scores = {name: replace(score, partial=name not in {r.name for r in whole}) for name, score in scores.items()}
    ranked = [row.name for row in whole if not row.head.baseline]
    if not metric.better or not ranked or len(table.images) < FEWEST:
        return scores
    best = max(ranked, key=lambda name: metric.better * scores[name].interval.mean)

    def gain(name: str) -> Interval:
        a, b = ([values[n][image] for image in table.images] for n in (name, best))
        return paired_difference(a, b) if metric.better > 0 else paired_difference(b, a)

    marks = {name: "tie" for name in ranked if ties(gain(name))} | {best: "best"} if len(ranked) > 1 else {}
    anchors = {row.name: gain(row.name) for row in whole if row.head.baseline}
    marks |= {name: "beats" for name, lead in anchors.items() if lead.mean > 0 and not ties(lead)}
    return {name: replace(score, mark=marks.get(name, "")) for name, score in scores.items()}


def _mean(row: Row, metric: Metric, values: dict[str, float]) -> Score:
    if values:
        return Score(bootstrap_interval(list(values.values())))
    return Score(None, reason="; ".join(row.reasons(metric.name)) or ("not computed" if row.ok else "no image was finished"))


def comparable(table: Table, row: Row) -> bool:
    """Whether a row finished all images of its table, and on the measurements that the other rows saw."""
    return len(row.solved) == len(table.images) and row.name not in table.strangers


def _judge_sets(table: Table, metric: Metric, scores: dict[str, Score]) -> dict[str, Score]:
    """KID ties where the difference is within 1.96 joint errors. FID has no error, and is not ranked where it is biased."""
    partial = {row.name: not comparable(table, row) for row in table.rows}
    scores = {name: replace(score, partial=partial[name]) for name, score in scores.items()}
    ranked = [r.name for r in table.rows if not partial[r.name] and not r.head.baseline and scores[r.name].interval]
    if len(ranked) < 2 or len(table.images) < FEWEST or (metric.name == "fid" and len(table.images) < ENOUGH_FOR_FID):
        return scores
    best = min(ranked, key=lambda name: scores[name].interval.mean)
    top = scores[best].interval

    def near(name: str) -> bool:
        other = scores[name].interval
        return other.mean - top.mean <= np.hypot(other.high - other.mean, top.high - top.mean)

    marks = {name: "tie" for name in ranked if near(name)} | {best: "best"}
    return {name: replace(score, mark=marks.get(name, "")) for name, score in scores.items()}


class Sets:
    """FID and KID of rows, from stored features, cached in ``sets.json`` of the first folder.

    An entry is named by the hash of its sorted record keys and holds the hash of the features (and of `REV`) behind it.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.path = folders[0] / "sets.json"
        self.cache, self.changed = {}, False
        with contextlib.suppress(OSError, ValueError):
            self.cache = dict(json.loads(self.path.read_text()))

    def score(self, row: Row, metric: str) -> Score:
        """The FID or KID of the reconstructions (first samples) of a row against their true images."""
        first = [group[0] for group in row.solved.values()]
        if len(first) < 3:
            return Score(None, reason="needs at least 3 images")
        names, truths = [f"{r.key}.npy" for r in first], [f"truth/{r.dataset}-{r.image}.npy" for r in first]
        found = [[self._find(n) for n in group] for group in (names, truths)]
        missing = sum(path is None for group in found for path in group)
        if missing:
            reasons = [*row.reasons(metric), *row.reasons("inception"), *row.reasons("features")]
            kept = "no features were kept" if missing == sum(map(len, found)) else f"{missing} feature files are missing"
            return Score(None, reason=(reasons or [kept])[0])
        entry = self._entry(sorted(r.key for r in first), *found)
        error = 1.96 * entry["kid_error"]
        kid = Interval(entry["kid"], entry["kid"] - error, entry["kid"] + error, entry["n"])
        return Score(kid if metric == "kid" else Interval(entry["fid"], np.nan, np.nan, entry["n"]))

    def _find(self, name: str) -> Path | None:
        return next((p for folder in self.folders if (p := folder / "features" / name).is_file()), None)

    def _entry(self, keys: list[str], ours: list[Path], truths: list[Path]) -> dict:
        name, content = digest(keys), hashlib.sha256(b"%d" % REV)
        raw = [[path.read_bytes() for path in group] for group in (ours, truths)]
        for data in (*raw[0], *raw[1]):
            content.update(hashlib.sha256(data).digest())
        known = self.cache.get(name)
        if known is None or known.get("features") != content.hexdigest():
            a, b = (np.stack([np.load(path).astype(np.float64).ravel() for path in group]) for group in (ours, truths))
            kid = kernel_distance(a, b, paired=True)
            known = {"n": len(ours), "features": content.hexdigest(), "fid": frechet_distance(a, b)}
            self.cache[name] = known | {"kid": kid.value, "kid_error": kid.error}
            self.changed = True
        return self.cache[name]

    def save(self) -> None:
        """Keeps what is new; a folder that cannot be written costs only the cache."""
        if self.changed:
            with contextlib.suppress(StoreError):
                write_atomic(self.path, json.dumps(self.cache, indent=1, sort_keys=True).encode())
