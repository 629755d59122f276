"""Sets of features: chunks, even choices, roots, and statistics that come back or are made again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import features
from bench.stats.features import (
    MODES,
    FeatureFiles,
    Moments,
    Statistics,
    chunks,
    evenly,
    features_folder,
    list_hash,
    read_statistics,
    root,
    statistics_path,
    write_statistics,
)

RNG = np.random.default_rng


@given(st.integers(1, 300), st.integers(1, 50))
def test_even_choices_are_evenly_spread(n, most):
    chosen = evenly(n, most)
    assert len(chosen) == min(n, most) and chosen[0] == 0 and chosen[-1] < n
    steps = np.diff(chosen)
    assert (steps >= 1).all() and (len(steps) == 0 or np.ptp(steps) <= 1)
    assert n - chosen[-1] <= -(-n // most), "up to the end"


@pytest.mark.parametrize("n", [1, 6, 7, 8, 21])
def test_chunks_are_all_rows_in_order(monkeypatch, n):
    monkeypatch.setattr(features, "ROWS_AT_ONCE", 7)
    rows = RNG(0).normal(size=(n, 3))
    parts = list(chunks(rows))
    np.testing.assert_array_equal(np.concatenate(parts), rows)
    assert all(len(part) == 7 for part in parts[:-1]) and 1 <= len(parts[-1]) <= 7
    moments = Moments(3)
    for part in parts:
        moments.add(part)
    assert moments.n == n
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-12)


def test_files_are_indexed_like_arrays(tmp_path):
    rows = RNG(0).normal(size=(5, 4)).astype(np.float16)
    paths = [tmp_path / f"{i}.npy" for i in range(5)]
    for path, row in zip(paths, rows, strict=True):
        np.save(path, row[None])
    files = FeatureFiles(paths)
    assert files.shape == rows.shape and len(files) == 5
    for index in (slice(None), slice(1, 3), slice(3, 99), np.array([4, 0])):
        np.testing.assert_array_equal(files[index], rows[index])


def test_the_root_of_a_covariance():
    singular = np.cov(RNG(0).normal(size=(4, 9)), rowvar=False)
    found = root(singular)
    np.testing.assert_allclose(found.T @ found, singular, atol=1e-12)
    assert np.isfinite(root(np.diag([1.0, -1e-18]))).all(), "rounding can make an eigenvalue negative"


def test_a_list_is_known_by_its_images_in_order():
    first = list_hash("tiny", None, (3, 8, 8), ["a", "b"])
    assert first == list_hash("tiny", None, [3, 8, 8], ("a", "b"))
    others = [list_hash("tiny", None, (3, 8, 8), ["b", "a"]), list_hash("tiny", "ab", (3, 8, 8), ["a", "b"])]
    assert len({first, *others}) == 3
    assert [features_folder(mode) for mode in MODES] == ["features", "features-clean"]


@pytest.fixture
def statistics(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "cache_dir", lambda: tmp_path)
    rows = RNG(0).normal(size=(6, 3))
    about = {"mode": MODES[0], "list": "ab", "n": 6}
    return Statistics(
        about, rows.mean(0), np.cov(rows, rowvar=False), rows.astype(np.float16), np.arange(6.0)
    )


def test_statistics_come_back_as_they_were_written(statistics):
    assert read_statistics("ab", MODES[0]) is None
    assert write_statistics(statistics) == statistics_path("ab", MODES[0])
    found = read_statistics("ab", MODES[0])
    assert found.about == statistics.about and found.rows.dtype == np.float16
    for name in features.ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(statistics, name))
    np.testing.assert_allclose(found.root.T @ found.root, statistics.covariance, atol=1e-12)


@pytest.mark.parametrize("damage", ["short", "other", "format"])
def test_statistics_that_cannot_be_used_are_made_again(statistics, monkeypatch, damage):
    path = write_statistics(statistics)
    if damage == "short":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "other":
        path.write_text("no archive")
    else:
        monkeypatch.setattr(features, "FORMAT", features.FORMAT + 1)
    assert read_statistics("ab", MODES[0]) is None
