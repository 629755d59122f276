"""The report of a made-up run: who is best, what is said about what is missing, and that equal records give equal bytes."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.records import Journal, Record, StoreError, digest, read_records, write_manifest
from bench.report import render
from bench.report.text import citation
from bench.stats import bootstrap_interval, frechet_distance, kernel_distance

N, SIDE, DIM = 12, 8, 24
IMAGES = [f"{i}" for i in range(N)]
HARD = np.random.default_rng(0).normal(0, 5, N)
JITTER = np.tile([0.1, -0.1], N // 2)
ROWS = ["pinv", "best", "same", "worse", "fails"]
PSNR = {"pinv": HARD + 10, "best": HARD + 21, "same": HARD + 21 + JITTER - 0.01, "worse": HARD + 20.5, "fails": HARD + 30}


def record(row, i, task="blur", psnr=None, **changes):
    psnr = PSNR[row][i] if psnr is None else psnr
    base = Record(
        key=digest([task, row, i, changes.get("params"), changes.get("sample")]),
        cell=digest([task, row, changes.get("params")]),
        suite="linear", dataset="tiny", task=task, operator="blur_gauss", operator_params={"std": 1.0}, sigma=0.1, solver=row,
        label=row, preset=None if row == "pinv" else "paper", params={}, paper="" if row == "pinv" else "2209.14687",
        baseline=row == "pinv", prior="net", weights_sha256="ab" * 32, image=IMAGES[i], sample=0, seed=0, y_hash=f"{task}{i}",
        status="ok", metrics={"psnr": float(psnr), "lpips": None, "misfit": 1.0}, unavailable={"lpips": "no | weights\nhere"},
        nfe=0 if row == "pinv" else 20, vjps=20 if row == "best" else 0, seconds=0.5 + (i // 4) / 100, batch=4,
        created=f"2025-01-01T00:00:{ROWS.index(row) * N % 60 + i % 10:02d}+00:00", versions={"torch": "2"},
    )  # fmt: skip
    return replace(base, **changes)


def records(task="blur"):
    found = [record(row, i, task) for row in ROWS for i in range(N)]
    broken = {"status": "diverged", "reason": "not finite", "metrics": {}, "seconds": None}
    return [replace(r, **broken) if r.label == "fails" and r.image in ("3", "7") else r for r in found]


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)


def make_run(folder, found, pictures=2, manifest=True):
    with Journal(folder) as journal:
        for r in found:
            journal.append(r)
    if manifest:
        rows = [{"label": row, "solver": row} for row in (*ROWS, "later")]
        tasks = [{"name": "blur", "title": "Gaussian blur"}]
        run = {"suite": "linear", "command": "bench run --suite linear", "images": IMAGES, "tasks": tasks, "rows": rows}
        write_manifest(folder, run | {"created": "now", "n_images": 20})
    objects = folder / "objects"
    (objects / "truth").mkdir(parents=True)
    (objects / "measurement").mkdir()
    for i in range(pictures):
        Image.fromarray(picture(i)).save(objects / "truth" / f"tiny-{i}.png")
        Image.fromarray(picture(100 + i)[:4, :4]).save(objects / "measurement" / f"blur-{i}.png")
    for r in found:
        if r.image in IMAGES[:pictures] and r.status == "ok":
            (objects / r.key[:2]).mkdir(exist_ok=True)
            Image.fromarray(picture(int(r.key[:8], 16))).save(objects / r.key[:2] / f"{r.key}.png")
    return folder


def numbers(out):
    return {line["row"]: line for line in csv.DictReader(io.StringIO((out / "tables.csv").read_text()))}


def report(folder, out, formats=("md", "csv")):
    render(folder, out, formats)
    return (out / "report.md").read_text(), numbers(out)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    skipped = record(
        "worse", 0, psnr=0, image="*", label="needy", cell="n", key="n", status="skipped", reason="Needy needs SVD", y_hash=None
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
    assert re.search(rf"\| best<br>.*\| \*\*{PSNR['best'].mean():.2f}\*\*<br>", page)
    assert re.search(rf"\| same<br>.*\| \*\*{PSNR['same'].mean():.2f}\*\*⁼<br>", page)
    assert re.search(rf"\| worse<br>.*\| {PSNR['worse'].mean():.2f}<br>", page)


def test_failures_are_counted_and_never_win(rendered):
    *_, page, rows = rendered
    kept = [i for i in range(N) if i not in (3, 7)]
    assert (rows["fails"]["n"], rows["fails"]["n_failed"], rows["fails"]["failures"]) == ("10", "2", "diverged:2")
    assert rows["fails"]["ranked"] == "False"
    assert f"({PSNR['fails'][kept].mean():.2f})" in page
    assert (
        "`fails`: 2 of 12 reconstructions failed (2 diverged); not ranked. Over the 10 images it shares with `best`: PSNR +9.00"
        in page
    )


def test_what_is_missing_is_said_with_its_reason(rendered):
    *_, page, rows = rendered
    assert "Not available: LPIPS (no \\| weights here)." in page and "FID, KID×10³ (no features were kept)" in page
    assert "Skipped: `needy`: Needy needs SVD." in page and rows["needy"]["status"] == "skipped"
    assert "Not run yet: `later`." in page and rows["later"]["status"] == "not run"
    assert "12, of 20 asked for" in page
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
        make_run(part, chosen, manifest=False)
        shutil.copy(folder / "manifest.json", part)
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
        np.testing.assert_array_equal(sheet[y : y + cell, x : x + cell], np.kron(pixels, np.ones((cell // len(pixels),) * 2)))


def test_two_configurations_under_one_label_stay_apart(tmp_path):
    found = [
        record("best", i, params={"zeta": z}, psnr=PSNR["best"][i] + z, created=f"2025-0{2 * z:g}")
        for z in (0.5, 1.0)
        for i in range(N)
    ]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert float(rows["best (b)"]["psnr"]) - float(rows["best (a)"]["psnr"]) == pytest.approx(0.5, abs=1e-3)
    assert "`best` names 2 configurations, kept apart: (a) zeta 0.5; (b) zeta 1." in page


def test_another_noise_level_is_another_table(tmp_path):
    found = [record("best", i, sigma=s, cell=f"c{s}", key=digest([s, i])) for s in (0.1, 0.4) for i in range(N)]
    make_run(tmp_path / "run", found)
    page = render(tmp_path / "run", tmp_path / "out", ["md"])[0].read_text()
    assert page.count("## Gaussian blur") == 2 and "σ = 0.4 for" in page and "(a)" not in page


def test_rows_on_other_measurements_are_not_ranked(tmp_path):
    found = [replace(r, y_hash="other") if r.label == "best" and r.image == "5" else r for r in records()]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "**`best` saw other measurements than the other rows on 1 images: not ranked.**" in page
    assert (rows["best"]["psnr_mark"], rows["same"]["psnr_mark"]) == ("", "best")


def test_seconds_are_flagged_where_the_batch_differs(tmp_path):
    found = [replace(r, batch=1) if r.label == "worse" else r for r in records()]
    found = [replace(r, batch=2, seconds=9.0) if r.label == "best" and r.image in ("10", "11") else r for r in found]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "‡ Seconds compare only at equal batch" in page and "`worse` batch 1." in page
    assert re.search(r"\| worse<br>.*0\.510‡", page) and not re.search(r"\| same<br>.*‡", page)
    assert float(rows["best"]["seconds"]) == pytest.approx(0.51) and rows["best"]["timed_batches"] == "3"


def test_a_baseline_that_beats_every_solver_is_marked_not_ranked(tmp_path):
    found = [r if r.label != "pinv" else replace(r, metrics={"psnr": r.metrics["psnr"] + 20}) for r in records()]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert (rows["pinv"]["psnr_mark"], rows["best"]["psnr_mark"]) == ("beats", "best")
    assert f"*{PSNR['pinv'].mean() + 20:.2f}*°" in page


def test_few_images_decide_nothing(tmp_path):
    found = [r for r in records() if r.image in IMAGES[:3] and r.label != "fails"]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "Fewer than 6 images cannot tell rows apart: nothing is ranked." in page
    assert not any(row.get("psnr_mark") for row in rows.values()) and "**" not in page.split("## Gaussian blur")[1]


def test_samples_of_an_image_are_averaged_first(tmp_path):
    found = [record("best", i, sample=k, psnr=PSNR["best"][i] + k) for i in range(N) for k in range(3)]
    _, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert (rows["best"]["n"], rows["best"]["samples"]) == ("12", "3")
    assert float(rows["best"]["psnr_low"]) == pytest.approx(bootstrap_interval(PSNR["best"] + 1).low, rel=1e-5)


def test_set_metrics_come_from_features_and_their_cache_never_goes_stale(tmp_path):
    folder, found = tmp_path / "run", [r for r in records() if r.label in ("best", "worse")]
    make_run(folder, found)
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(N, DIM)).astype(np.float16)
    ours = {
        r.key: (truth[int(r.image)] + rng.normal(*(0, 0.1) if r.label == "best" else (2, 2), DIM)).astype(np.float16)
        for r in found
    }
    (folder / "features" / "truth").mkdir(parents=True)
    for i in range(N):
        np.save(folder / "features" / "truth" / f"tiny-{i}.npy", truth[i])
    for key, feature in ours.items():
        np.save(folder / "features" / f"{key}.npy", feature)

    def expected():
        features = np.stack([ours[r.key] for r in found if r.label == "best"]).astype(float)
        return frechet_distance(features, truth), kernel_distance(features, truth, paired=True).value

    for _ in range(2):
        page, rows = report(folder, tmp_path / "out")
        assert (float(rows["best"]["fid"]), float(rows["best"]["kid"])) == pytest.approx(expected(), rel=1e-4)
        assert rows["best"]["fid_mark"] == "" and rows["best"]["kid_mark"] == "best" and rows["worse"]["kid_mark"] == ""
        assert "FID† ↓" in page.replace("\u00a0", " ") and "FID of 12 images is biased" in page
        assert len(json.loads((folder / "sets.json").read_text())) == 2
        first = next(r.key for r in found if r.label == "best")
        ours[first] = (ours[first] + 3).astype(np.float16)
        np.save(folder / "features" / f"{first}.npy", ours[first])
    (folder / "features" / f"{first}.npy").unlink()
    page, rows = report(folder, tmp_path / "out")
    assert "FID unavailable for `best`: 1 feature files are missing." in page and rows["worse"]["fid"]


def test_papers_become_links():
    assert citation("2209.14687") == "[arXiv:2209.14687](https://arxiv.org/abs/2209.14687)"
    assert citation("openreview:9_gsMA8MRKQ") == "[openreview:9_gsMA8MRKQ](https://openreview.net/forum?id=9_gsMA8MRKQ)"
    assert citation("my *own* thesis") == r"my \*own\* thesis"


def test_records_alone_are_enough(tmp_path):
    make_run(tmp_path / "run", records(), pictures=0, manifest=False)
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
    code = "import sys, bench.report, bench.records, bench.stats; print(sorted({'torch', 'pandas'} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
