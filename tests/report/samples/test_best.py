"""The best of several samples."""

import numpy as np

from bench.report.columns import KNOWN
from bench.report.samples.best import best_of, oracles
from bench.report.tables import build
from tests.made_run import IMAGES, N, make_run, record, report

PSNR, SSIM = KNOWN[:2]


def made(k):
    """k samples of each image; in every image another one is the best, and it has the worst SSIM."""
    found = []
    for i in range(N):
        for j in range(k):
            score = float((i + j) % k)
            found.append(record("best", i, sample=j, metrics={"psnr": 20 + score, "ssim": 1 - score / 10}))
    return found


def test_the_best_sample_gives_all_numbers():
    (table,) = build(made(3), [])
    ((row, scores),) = oracles(table, [PSNR, SSIM])
    assert row.name == "best, best of 3" and len(row.records) == N
    assert (scores["psnr"].interval.mean, round(scores["ssim"].interval.mean, 9)) == (22, 0.8)
    (alone,) = build(made(1), [])
    assert oracles(alone, [PSNR]) == [] and best_of(alone.rows[0], PSNR) is None


def test_it_is_a_row_of_its_own_that_is_never_ranked(tmp_path):
    others = [record("worse", i, psnr=23 + np.sin(i)) for i in range(N)]
    page, rows = report(make_run(tmp_path / "run", [*made(2), *others]), tmp_path / "out")
    assert "| *best, best of 2*<br><sub>oracle, not ranked</sub> | *21.00*<br>" in page.replace("\u00a0", " ")
    some = [one for one in made(2) if one.sample == 0 or one.image in IMAGES[:2]]
    fewer, _ = report(make_run(tmp_path / "some", [*some, *others]), tmp_path / "fewer")
    assert f"<sub>oracle, not ranked, 2 of {N} images</sub>" in fewer.replace("\u00a0", " ")
    oracle = rows["best, best of 2"]
    assert (oracle["status"], oracle["psnr_mark"], oracle["psnr"]) == ("oracle", "", "21")
    assert rows["worse"]["psnr_mark"] == "best" and "cannot be separated" not in page
