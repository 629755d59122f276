"""The report of a made-up run: equal records give equal bytes, figures, and errors."""

import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.records.files import StoreError
from bench.records.journal import Journal, read_records
from bench.records.objects import spread
from bench.records.table import load
from bench.report import render
from tests import ROOT
from tests.made_run import N, make_run, picture, record, records


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
    assert names[0] == "report.md" and {"tables.csv", "cost_blur.png", "grid_blur.png"} < set(names)
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
    gap, cell, line = 5, 160, 23
    assert sheet.shape[1] == gap + 7 * (cell + gap)
    top = sheet.shape[0] - gap * 2 - cell - line - cell
    key = next(r.key for r in read_records(folder)[0] if r.label == "pinv" and r.image == "1")
    for column, pixels in enumerate((picture(1), picture(101)[:4, :4], picture(int(key[:8], 16)))):
        x, y = gap + column * (cell + gap), top
        np.testing.assert_array_equal(
            sheet[y : y + cell, x : x + cell], np.kron(pixels, np.ones((cell // len(pixels),) * 2))
        )


@pytest.mark.long
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
    assert "cost_blur.png" in {f.name for f in render(make_run(tmp_path / "run", found), tmp_path / "out")}


@pytest.mark.long
def test_figures_come_in_the_formats_that_are_asked_for(tmp_path):
    folder = make_run(tmp_path / "run", records(), pictures=3)
    files = {path.name: path.read_bytes() for path in render(folder, tmp_path / "out", ["md", "svg", "pdf"])}
    names = {"cost_blur", "grid_blur", "extremes_blur"}
    assert set(files) == {"report.md", *(f"{name}.{kind}" for name in names for kind in ("svg", "pdf"))}
    page = files["report.md"].decode()
    for name in names:
        assert f"]({name}.svg)" in page and f"[pdf]({name}.pdf)" in page
        assert "σ = 0.1" in files[f"{name}.svg"].decode() and "prior net" in files[f"{name}.svg"].decode()
    again = render(folder, tmp_path / "again", ["pdf", "svg"])
    assert {path.name: path.read_bytes() for path in again} == {
        name: data for name, data in files.items() if name != "report.md"
    }, "whatever the order of formats"


def test_records_alone_are_enough(tmp_path):
    make_run(tmp_path / "run", records(), pictures=0, manifests=())
    files = render(tmp_path / "run", tmp_path / "out")
    assert {f.name for f in files} == {"report.md", "tables.csv", "cost_blur.png"}


def test_clear_errors(tmp_path):
    with pytest.raises(ValueError, match="unknown format 'gif'; known: md, csv, png"):
        render(tmp_path, tmp_path, ["gif"])
    with pytest.raises(StoreError, match=r"no run folder .*nowhere"):
        render(tmp_path / "nowhere", tmp_path)
    with pytest.raises(StoreError, match=r"is no run folder: it has neither a journal nor a manifest"):
        render(tmp_path, tmp_path)
    Journal(tmp_path)
    with pytest.raises(ValueError, match=r"no records in .* \(0 damaged lines\)"):
        render(tmp_path, tmp_path)


@pytest.mark.long
def test_nothing_here_imports_torch():
    modules = "bench.report, bench.records.journal, bench.stats.intervals"
    code = f"import sys, {modules}; print(sorted({{'torch', 'pandas'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_an_exact_row_is_best_and_shown_as_infinite(tmp_path):
    """Some images exact, then all: the row is neither bracketed nor "not computed"."""
    shown = {}
    for n in (1, N):
        folder = tmp_path / str(n)
        with Journal(folder) as journal:
            for i in range(N):
                journal.append(record("best", i, psnr=np.inf if i < n else None))
                journal.append(record("fails", i))
                journal.append(record("pinv", i))
        text = render(folder, folder / "report")[0].read_text()
        shown[n] = next(line for line in text.splitlines() if line.startswith("| best"))
        sheet = pd.read_csv(folder / "report" / "tables.csv").set_index("row")
        assert (sheet.psnr["best"], sheet.psnr_mark["best"]) == (np.inf, "best")
        assert np.isfinite(sheet.psnr["fails"]) and load(folder).psnr.eq(np.inf).sum() == n
    assert "**∞** |" in shown[1], "an infinite mean has no interval"
    assert "**∞** |" in shown[N]


def test_two_rows_that_are_exact_on_different_images_tie(tmp_path):
    with Journal(tmp_path) as journal:
        for i in range(N):
            journal.append(record("best", i, psnr=np.inf if i == 0 else None))
            journal.append(record("worse", i, psnr=np.inf if i == 1 else None))
    render(tmp_path, tmp_path / "report")
    sheet = pd.read_csv(tmp_path / "report" / "tables.csv").set_index("row")
    assert sorted(sheet.psnr_mark) == ["best", "tie"]


def test_a_report_says_that_code_was_changed_since_its_commit(tmp_path):
    found = [replace(r, commit="c" * 40 + "-dirty" * (r.label == "best")) for r in records()]
    page = render(make_run(tmp_path / "run", found), tmp_path / "out", ["md"])[0].read_text()
    assert f"{'c' * 12}, {'c' * 12}-dirty" in page or f"{'c' * 12}-dirty, {'c' * 12}" in page


@pytest.mark.parametrize("damage", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "cut"])
def test_an_unreadable_picture_costs_itself(tmp_path, damage):
    """The first reconstruction that the grid shows, and a truth."""
    folder = make_run(tmp_path / "run", records())
    objects = folder / "objects"
    lost = next(r for r in read_records(folder)[0] if r.label == "best" and r.image == "1")
    for path in (objects / lost.key[:2] / f"{lost.key}.png", min((objects / "truth").iterdir())):
        path.write_bytes(path.read_bytes()[:60] if damage == "cut" else damage)
    files = {path.name: path for path in render(folder, tmp_path / "out")}
    page = files["report.md"].read_text()
    assert "**2 damaged pictures below objects/**" in page and f"{lost.key}.png" in page
    assert Image.open(files["grid_blur.png"]).size[0] > 100


@pytest.mark.parametrize(
    "text", ["[1]", "null", "{", '{"a": 1}', '{"a": {"rev": 1}}', "1" * 5000, '{"a": {"rev": "1"}}', "\xff"]
)
def test_a_damaged_cache_of_sets_is_left_aside(tmp_path, text):
    folder = make_run(tmp_path / "run", records())
    (folder / "sets.json").write_bytes(text.encode("latin-1"))
    assert render(folder, tmp_path / "out", ["md", "csv"])


@pytest.mark.long
def test_the_earlier_layout_gives_the_same_report(tmp_path):
    """Truths and measurements in sub-folders, and in one folder as before."""
    folder = make_run(tmp_path / "run", records())
    before = [path.read_bytes() for path in render(folder, tmp_path / "before")]
    for kind in ("truth", "measurement"):
        for path in list((folder / "objects" / kind).glob("*.*")):
            target = folder / "objects" / spread(f"{kind}/{path.name}")
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
    assert [path.read_bytes() for path in render(folder, tmp_path / "after")] == before
