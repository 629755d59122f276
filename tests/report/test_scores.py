"""FID and KID of a row come from stored features, or from what was kept of them."""

import json

import numpy as np
import pytest

from bench.stats.distances import frechet_distance, kernel_distance
from tests.made_run import DIM, N, make_run, records, report


def test_set_metrics_come_from_features_and_their_cache_never_goes_stale(tmp_path):
    folder, found = tmp_path / "run", [r for r in records() if r.label in ("best", "worse")]
    make_run(folder, found)
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(N, DIM)).astype(np.float16)
    ours = {
        r.key: (truth[int(r.image)] + rng.normal(*(0, 0.1) if r.label == "best" else (2, 2), DIM)).astype(
            np.float16
        )
        for r in found
    }
    (folder / "features" / "truth").mkdir(parents=True)
    for i in range(N):
        np.save(folder / "features" / "truth" / f"sha{i}.npy", truth[i])
    for key, feature in ours.items():
        np.save(folder / "features" / f"{key}.npy", feature)

    def expected():
        features = np.stack([ours[r.key] for r in found if r.label == "best"]).astype(float)
        return frechet_distance(features, truth), kernel_distance(features, truth, paired=True).value

    for _ in range(2):
        page, rows = report(folder, tmp_path / "out")
        assert (float(rows["best"]["fid"]), float(rows["best"]["kid"])) == pytest.approx(expected(), rel=1e-4)
        assert (
            rows["best"]["fid_mark"] == ""
            and rows["best"]["kid_mark"] == "best"
            and rows["worse"]["kid_mark"] == "worse"
        )
        assert (
            "FID† ↓" in page.replace("\u00a0", " ")
            and "FID of fewer than 2048 images is biased and not ranked" in page
        )
        assert len(json.loads((folder / "sets.json").read_text())) == 2
        first = next(r.key for r in found if r.label == "best")
        ours[first] = (ours[first] + 3).astype(np.float16)
        np.save(folder / "features" / f"{first}.npy", ours[first])
    (folder / "features" / f"{first}.npy").unlink()
    assert report(folder, tmp_path / "out")[1]["best"]["fid"] == rows["best"]["fid"], (
        "the cache stands in for missing files"
    )
    (folder / "sets.json").write_text((folder / "sets.json").read_text().replace('"rev": 1', '"rev": 0'))
    page, rows = report(folder, tmp_path / "out")
    assert "FID unavailable for `best`: 1 feature file missing; a run into another" in page
    assert rows["worse"]["fid"]
