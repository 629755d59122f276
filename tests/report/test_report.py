"""The report of a made-up run: what is said about what is missing, figures, and that equal records give equal
bytes."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.records.files import StoreError
from bench.records.journal import Journal, read_records
from bench.report import render
from bench.report.columns import KNOWN
from bench.report.text import citation
from bench.stats.distances import frechet_distance, kernel_distance
from bench.stats.intervals import bootstrap_interval
from tests import ROOT
from tests.made_run import DIM, PSNR, ROWS, N, make_run, picture, record, records, report


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    skipped = record(
        "worse",
        0,
        psnr=0,
        image="*",
        label="needy",
        cell="n",
        key="n",
        status="skipped",
        reason="Needy needs SVD",
        y_hash=None,
    )
    make_run(folder / "run", [*records(), skipped])
    return (folder / "run", folder / "out", *report(folder / "run", folder / "out", ("md", "csv", "png")))


def test_best_ties_and_baselines(rendered):
    *_, page, rows = rendered
    assert {name: rows[name]["psnr_mark"] for name in ROWS} == {
        "pinv": "",
        "best": "best",
        "same": "tie",
        "worse": "",
        "fails": "",
    }
    for name in ("best", "pinv"):
        expected = bootstrap_interval(PSNR[name])
        values = [float(rows[name][c]) for c in ("psnr", "psnr_low", "psnr_high")]
        assert values == pytest.approx(expected[:3], rel=1e-5)
    line = next(line for line in page.splitlines() if line.startswith("| *pinv*"))
    assert f"*{PSNR['pinv'].mean():.2f}*" in line and "**" not in line
    low, high = (f"{end:.2f}" for end in bootstrap_interval(PSNR["best"])[1:3])
    mean = rf"\*\*{PSNR['best'].mean():.2f}\*\*<br>"
    assert re.search(rf"\| best<br>.*\| {mean}<sub>\\\[{low},.{high}\\\]</sub>.*\| 12 \| 0 \|", page)
    assert re.search(rf"\| same<br>.*\| \*\*{PSNR['same'].mean():.2f}\*\*⁼<br>", page)
    assert re.search(rf"\| worse<br>.*\| {PSNR['worse'].mean():.2f}<br>", page)


def test_failures_are_counted_and_never_win(rendered):
    *_, page, rows = rendered
    kept = [i for i in range(N) if i not in (3, 7)]
    assert (rows["fails"]["n"], rows["fails"]["n_failed"], rows["fails"]["failures"]) == (
        "10",
        "2",
        "diverged:2",
    )
    assert rows["fails"]["ranked"] == "False"
    assert f"({PSNR['fails'][kept].mean():.2f})" in page and re.search(
        r"\| fails<br>.*\| 10 \| \*\*2\*\* \|", page
    )
    assert (
        "`fails`: 2 of 12 reconstructions failed (2 diverged); not ranked. Paired over the shared images: "
        "`fails` − `best` PSNR +9.00" in page
    )


def test_what_is_missing_is_said_with_its_reason(rendered):
    *_, page, rows = rendered
    assert (
        "Not available: LPIPS (no \\| weights here)." in page
        and "FID, KID x 1000 (no features were kept)" in page
    )
    assert "Skipped: `needy`: Needy needs SVD." in page and rows["needy"]["status"] == "skipped"
    assert "Not run yet: `later`." in page and rows["later"]["status"] == "not run"
    assert "The clock: without noise \\| generation." in page
    assert "0.1 for images in [−1, 1] (0.05 in [0, 1] units)" in page and "`blur_gauss` (std 1)" in page
    assert page.count("https://arxiv.org/abs/2209.14687") == 1
    assert "sha256 abababababab" in page and "bench run --suite linear" in page


def test_every_table_has_equal_columns_in_all_lines(rendered):
    page = rendered[2]
    blocks = re.findall(r"(?:^\|.*\n)+", page, re.M)
    assert len(blocks) == 2
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_equal_records_give_equal_bytes(rendered, tmp_path):
    folder, out = rendered[:2]
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    shutil.rmtree(copy / "journal")
    found = read_records(folder)[0]
    for part in (found[1::2], found[::-2]):
        with Journal(copy) as journal:
            for r in part:
                journal.append(r)
    again = render(copy, tmp_path / "out")
    names = [path.name for path in again]
    assert names[0] == "report.md" and {"tables.csv", "quality_vs_seconds.png", "grid_blur.png"} < set(names)
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (out / name).read_bytes(), name
    parts = [tmp_path / "a", tmp_path / "b"]
    for part, chosen in zip(parts, (found[::2], found), strict=True):
        make_run(part, chosen)
    render(parts, tmp_path / "merged")
    assert (tmp_path / "merged" / "tables.csv").read_bytes() == (out / "tables.csv").read_bytes()


def test_pictures_are_enlarged_pixel_by_pixel(rendered):
    folder, out = rendered[:2]
    sheet = np.asarray(Image.open(out / "grid_blur.png").convert("L"))
    gap, cell = 5, 160
    assert sheet.shape[1] == gap + 7 * (cell + gap)
    top = sheet.shape[0] - 2 * (cell + gap)
    key = next(r.key for r in read_records(folder)[0] if r.label == "pinv" and r.image == "1")
    for column, pixels in enumerate((picture(1), picture(101)[:4, :4], picture(int(key[:8], 16)))):
        x, y = gap + column * (cell + gap), top + cell + gap
        np.testing.assert_array_equal(
            sheet[y : y + cell, x : x + cell], np.kron(pixels, np.ones((cell // len(pixels),) * 2))
        )


def test_the_report_and_the_harness_agree_on_metrics():
    from bench.metrics.table import METRICS

    ours = {m.name: (m.label, m.format, {1: True, -1: False, 0: None}[m.better], m.scale) for m in KNOWN}
    assert ours == {n: (m.label, f".{m.decimals}f", m.higher_is_better, m.scale) for n, m in METRICS.items()}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [["best"], ["pinv", "best"]])
@pytest.mark.parametrize("tasks", [["blur"], ["blur", "box"]])
def test_a_single_point_is_drawn(tmp_path, rows, tasks):
    found = [
        replace(record(row, i, task, psnr=20.0), seconds=0.001)
        for task in tasks
        for row in rows
        for i in range(N)
    ]
    assert "quality_vs_seconds.png" in {
        f.name for f in render(make_run(tmp_path / "run", found), tmp_path / "out")
    }


def test_seconds_are_flagged_where_the_batch_differs(tmp_path):
    found = [replace(r, batch=1) if r.label == "worse" else r for r in records()]
    found = [
        replace(r, batch=2, seconds=9.0) if r.label == "best" and r.image in ("10", "11") else r
        for r in found
    ]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "‡ Seconds compare only at equal batch" in page and "`worse` batch 1." in page
    assert re.search(r"\| worse<br>.*0\.510‡", page) and not re.search(r"\| same<br>.*‡", page)
    assert float(rows["best"]["seconds"]) == pytest.approx(0.51) and rows["best"]["timed_batches"] == "3"


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
            and rows["worse"]["kid_mark"] == ""
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
    assert "FID unavailable for `best`: 1 feature file missing." in page and rows["worse"]["fid"]


def test_papers_become_links():
    assert citation("2209.14687") == "[arXiv:2209.14687](https://arxiv.org/abs/2209.14687)"
    assert (
        citation("openreview:9_gsMA8MRKQ")
        == "[openreview:9_gsMA8MRKQ](https://openreview.net/forum?id=9_gsMA8MRKQ)"
    )
    assert citation("my *own* thesis") == r"my \*own\* thesis"


def test_records_alone_are_enough(tmp_path):
    make_run(tmp_path / "run", records(), pictures=0, manifests=())
    files = render(tmp_path / "run", tmp_path / "out")
    assert {f.name for f in files} == {"report.md", "tables.csv", "quality_vs_seconds.png"}


def test_clear_errors(tmp_path):
    with pytest.raises(ValueError, match="unknown format 'pdf'; known: md, csv, png"):
        render(tmp_path, tmp_path, ["pdf"])
    with pytest.raises(StoreError, match=r"no run folder .*nowhere"):
        render(tmp_path / "nowhere", tmp_path)
    with pytest.raises(ValueError, match=r"no records in .* \(0 damaged lines\)"):
        render(tmp_path, tmp_path)


def test_nothing_here_imports_torch():
    code = "import sys, bench.report, bench.records.journal, bench.stats.intervals; print(sorted({'torch', 'pandas'} & set(sys.modules)))"
    root = ROOT
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_a_gpus_page_says_that_there_was_no_tf32(tmp_path):
    """Which decides about the digits of float32 there; on a CPU there is none to speak of."""
    for name, device, dtype, said in [
        ("a", "cuda (A GPU)", "float32", "cuda (A GPU) (1 thread, float32, no TF32)"),
        ("b", "cuda (A GPU)", "bfloat16", "cuda (A GPU) (1 thread, bfloat16, state in float32, no TF32)"),
        ("c", "cpu (A CPU)", "float32", "cpu (A CPU) (1 thread, float32)"),
    ]:
        found = [replace(r, device=device, dtype=dtype) for r in records()]
        page = render(make_run(tmp_path / name, found), tmp_path / f"{name}-report", ["md"])[0].read_text()
        assert f"| Device | {said} |" in page
