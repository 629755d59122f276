"""The numbers of a row: means with their intervals, and the metrics of whole sets of images."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.names import counted
from bench.records.files import StoreError, write_atomic
from bench.records.keys import digest
from bench.records.manifest import RunManifest, SetsEntry
from bench.records.objects import Finder
from bench.records.record import Record
from bench.report.columns import SET_METRICS, Column
from bench.report.tables import Row
from bench.report.verdicts import Verdict
from bench.stats.distances import GaussianFit, frechet_distance, kernel_distance
from bench.stats.features import (
    MODES,
    FeatureFiles,
    Statistics,
    features_folder,
    read_statistics,
    statistics_path,
)
from bench.stats.intervals import Interval, mean_interval
from bench.system.gate import conform, read_json

ENOUGH_FOR_FID = 2048
"""Least number of images whose FID is ranked: with fewer its bias decides."""
REV = 1
"""Revision of how FID and KID are computed; raised when that changes, so that no cached number survives."""


@dataclass(frozen=True)
class Score:
    """One number of a table.

    Attributes:
        interval: None where the metric is absent.
        mark: as in `bench.report.verdicts.Verdict`; or ``beats`` (not ranked, and shown to be better than the
            best: a baseline, or a row about other images); or empty, where nothing is compared.
        reason: why the metric is absent.
        partial: images failed or are missing, or saw other measurements; never ranked.
        gap: to the best row, the paired difference over the images that both have, positive where this row is
            better, with its simultaneous interval.
        verdict: None for rows that are not ranked, and for metrics of sets.
    """

    interval: Interval | None
    mark: str = ""
    reason: str = ""
    partial: bool = False
    gap: Interval | None = None
    verdict: Verdict | None = None


Scores = dict[str, dict[str, Score]]
"""Metric -> row name -> score, of one table."""


def own_score(row: Row, column: Column, sets: "Sets") -> Score:
    """A row's number without a rank, over its own images."""
    if column.name in SET_METRICS:
        return sets.score(row, column.name)
    if values := row.scores(column.name):
        return Score(mean_interval(list(values.values())))
    default = "not computed" if row.ok else "no image was finished"
    return Score(None, reason="; ".join(row.reasons(column.name)) or default)


def any_known(scores: Iterable[Score]) -> bool:
    """Whether some row has this metric."""
    return any(score.interval for score in scores)


def is_biased(fids: Mapping[str, Score]) -> bool:
    """Whether the FID of some row is of too few images."""
    return any(score.interval and score.interval.n < ENOUGH_FOR_FID for score in fids.values())


class Sets:
    """FID and KID of rows, from stored features, cached in ``sets.json`` of the first folder.

    An entry is named by the hash of its sorted record keys (and, where they are not the usual ones, of mode
    and reference statistics), and holds the revision of the formulas and the hash of the features behind it.
    Where the feature files are not there (they are not committed), the entry of the same records stands.

    Args:
        folders: run folders.
        runs: their manifests, which say per suite in what mode features are and what they are compared with.
    """

    def __init__(self, folders: Sequence[Path], runs: Sequence[RunManifest] = ()) -> None:
        self.folders = folders
        self.path = folders[0] / "sets.json"
        self.cache = _read_cache(self.path)
        self.changed = False
        self._finders: dict[str, Finder] = {}
        """Mode of features -> what finds them."""
        self.kinds = {run.suite: run.sets for run in runs}

    def score(self, row: Row, metric: str) -> Score:
        """The FID or KID of a row's first samples: against their truths, or what the suite compares with."""
        first = [group[0] for group in row.solved.values()]
        if len(first) < 3:
            return Score(None, reason="needs at least 3 images")
        kind = self.kinds.get(row.head.suite)
        mode, about = (kind.mode, kind.fid_stats) if kind else (MODES[0], None)
        paths, lack = self._files(first, mode, with_truths=not about)
        against = None
        if about and not lack:
            against, lack = self._against(about, mode)
        name = _entry_name(first, kind)
        if not lack:
            try:
                entry = self._entry(name, paths, against)
            except (OSError, ValueError, EOFError):
                return Score(None, reason="a feature file cannot be read")
        elif (entry := self.cache.get(name, {})).get("rev") != REV:
            reasons = [*row.reasons(metric), *row.reasons("inception"), *row.reasons("features"), lack]
            return Score(None, reason=reasons[0])
        if metric == "fid":
            return Score(Interval(entry["fid"], np.nan, np.nan, entry["n"]))
        error = 1.96 * entry["kid_error"]
        return Score(Interval(entry["kid"], entry["kid"] - error, entry["kid"] + error, entry["n"]))

    def _files(self, records: Sequence[Record], mode: str, with_truths: bool) -> tuple[list[Path], str]:
        """The feature files of some records, then those of their truths if asked for; and what is lacking."""
        names = [f"{record.key}.npy" for record in records]
        if with_truths:
            names += [f"truth/{record.image_sha256}.npy" for record in records]
        find = self._finders.setdefault(
            mode, Finder([folder / features_folder(mode) for folder in self.folders])
        )
        paths = list(filter(None, map(find, names)))
        missing = len(names) - len(paths)
        if not missing:
            return paths, ""
        lost = f"{counted(missing, 'feature file')} missing; a run into another --out makes all of them again"
        return paths, lost if paths else "no features were kept"

    def _against(self, about: Mapping[str, Any], mode: str) -> tuple[Statistics | None, str]:
        """The reference statistics that a manifest names; or None, and what is lacking."""
        found = self._statistics(about["list"], mode)
        path = statistics_path(about["list"], mode)
        if found is None:
            lack = f"no reference statistics {path}"
        elif about.get("sample", found.about["sample"]) != found.about["sample"]:
            lack = f"the reference statistics {path} are of other pixels than the run's"
        else:
            return found, ""
        dataset, option = about.get("given", about["dataset"]), "" if mode == MODES[0] else f" --mode {mode}"
        return None, f"{lack}; make them with `python -m bench fid-stats --dataset {dataset}{option}`"

    @cache  # noqa: B019 - one object per report, which holds 40 MB of statistics once
    def _statistics(self, list_sha256: str, mode: str) -> Statistics | None:
        return read_statistics(list_sha256, mode)

    def _entry(self, name: str, paths: list[Path], against: Statistics | None) -> dict[str, Any]:
        """The cached entry, computed where the features or the formulas have changed."""
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


@dataclass(frozen=True)
class CachedSet:
    """The numbers of a set of images, as sets.json keeps them; see `Sets`."""

    __pydantic_config__: ClassVar = {"allow_inf_nan": False}

    rev: int
    features: str
    n: int
    fid: float
    kid: float
    kid_error: float


def _read_cache(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of a sets.json; what is damaged is left out, since it can be computed again."""
    try:
        entries = read_json(path.read_bytes())
    except (OSError, ValueError):
        return {}
    cache: dict[str, dict[str, Any]] = {}
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        with contextlib.suppress(ValueError):
            conform(CachedSet, entry)
            cache[name] = entry
    return cache


def _entry_name(records: Iterable[Record], kind: SetsEntry | None) -> str:
    """The name of a cached entry: records alone, or with a mode and reference statistics beside the usual."""
    keys = sorted(record.key for record in records)
    if not kind:
        return digest(keys)
    about = kind.fid_stats
    given = [about["list"]] if about else [None]
    if about and "sample" in about:
        given.append(about["sample"])
    return digest([keys, kind.mode, *given])


def _distances(paths: Sequence[Path], against: Statistics | None) -> dict[str, float]:
    """FID and KID of feature files against reference statistics.

    Without these the second half of the files are the features of the truths.
    """
    if against:
        ours = FeatureFiles(paths)
        fid = frechet_distance(ours, GaussianFit(against.mean, against.root))
        kid = kernel_distance(ours, against.rows, within_b=against.within)
    else:
        ours, truths = FeatureFiles(paths[: len(paths) // 2]), FeatureFiles(paths[len(paths) // 2 :])
        fid, kid = frechet_distance(ours, truths), kernel_distance(ours, truths, paired=True)
    return {"n": len(ours), "fid": fid, "kid": kid.value, "kid_error": kid.error}
