"""The table of one task."""

import re

import pytest

from bench.stats.intervals import mean_interval
from tests.made_run import PSNR, ROWS, make_run, record, report


def test_best_ties_and_baselines(rendered):
    *_, page, rows = rendered
    assert {name: rows[name]["psnr_mark"] for name in ROWS} == {
        "pinv": "",
        "best": "best",
        "same": "equivalent",
        "worse": "worse",
        "fails": "",
    }
    for name in ("best", "pinv"):
        expected = mean_interval(PSNR[name])
        values = [float(rows[name][c]) for c in ("psnr", "psnr_low", "psnr_high")]
        assert values == pytest.approx(expected[:3], rel=1e-5)
    line = next(line for line in page.splitlines() if line.startswith("| *pinv*"))
    assert f"*{PSNR['pinv'].mean():.2f}*" in line and "**" not in line
    low, high = (f"{end:.2f}" for end in mean_interval(PSNR["best"])[1:3])
    mean = rf"\*\*{PSNR['best'].mean():.2f}\*\*<br>"
    assert re.search(rf"\| best<br>.*\| {mean}<sub>\\\[{low},.{high}\\\]</sub>.*\| 12 \| 0 \|", page)
    assert re.search(rf"\| same<br>.*\| \*\*{PSNR['same'].mean():.2f}\*\*≈<br>", page)
    assert re.search(rf"\| worse<br>.*\| {PSNR['worse'].mean():.2f}ʷ<br>", page)


def test_every_table_has_equal_columns_in_all_lines(rendered):
    page = rendered[2]
    blocks = re.findall(r"(?:^\|.*\n)+", page, re.M)
    assert len(blocks) == 2
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


@pytest.mark.parametrize(
    ("samples", "said"),
    [((1, 1), " of tiny; prior"), ((2, 2), ", 2 samples each; "), ((2, 4), ", 2 to 4 samples each; ")],
)
def test_the_facts_say_how_many_samples_rows_have(tmp_path, samples, said):
    found = []
    for row, n in zip(("best", "worse"), samples, strict=True):
        found += [record(row, i, sample=k) for i in range(6) for k in range(n)]
    page, _ = report(make_run(tmp_path / "run", found, manifests=[]), tmp_path / "out")
    [facts] = [line for line in page.splitlines() if line.startswith("`blur_gauss`")]
    assert said in facts and facts.count("sample") == (max(samples) > 1)
