"""A comparison from two folders to page and files."""

import csv
import io
import subprocess
import sys

import pytest

from bench.report.compare.gate import read_gate
from bench.report.compare.report import compare_runs
from bench.report.selection.choice import make_choice
from tests import ROOT
from tests.commands import bench


def sheet(data):
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_the_page_has_names_changes_and_what_differs(runs):
    found = compare_runs(*runs, choice=make_choice(columns="psnr"))
    page = found.page.replace("\u00a0", " ")
    assert page.startswith("# `old/run` → `new/run`\n")
    (best,) = [line for line in page.splitlines() if line.startswith("| best")]
    assert "+0.10" in best and "▲ better" in best and "6 of 12" in best
    (pinv,) = [line for line in page.splitlines() if line.startswith("| pinv")]
    assert "= equal" in pinv and "0 of 12" in pinv
    assert "- `worse`: settings: `params.zeta` 1 → 2; environment: `versions.torch` 2 → 3." in page
    assert "- `worse`: 1 image solved before and not now (`5`)." in page
    assert "- `same` is not in `new/run`." in page and "- `new` is not in `old/run`." in page
    assert "/old/" not in page.replace("`old/run`", ""), "no path of the machine"
    rows = {row["row"]: row for row in sheet(found.files["compare.csv"]) if row["metric"] == "psnr"}
    assert float(rows["best"]["delta"]) == pytest.approx(0.1) and rows["best"]["moved"] == "6"
    images = [
        row for row in sheet(found.files["images.csv"]) if (row["row"], row["metric"]) == ("best", "psnr")
    ]
    assert len(images) == 12 and float(images[1]["delta"]) == pytest.approx(0.2)


def test_another_result_of_a_key_is_told(runs):
    """Equal keys say that all settings and the code are alike, so that results should be."""
    found = compare_runs(*runs)
    text = "6 keys with another result on the other side, as in blur, best, 1: psnr"
    assert found.unlike.startswith(text) and f"**{text}" in found.page
    assert bench("compare", *runs).stderr.splitlines() == [f"warning: {found.unlike}"]
    assert not compare_runs(runs[0], runs[0]).unlike and not bench("compare", runs[0], runs[0]).stderr


def test_only_what_changed(runs):
    page = compare_runs(*runs, only_changed=True).page
    assert "| best" in page and "| pinv" not in page and "2 unchanged rows left out." in page
    assert (
        "0 of them changed. 5 unchanged rows left out."
        in compare_runs(runs[0], runs[0], only_changed=True).page
    )


def test_rows_are_put_beside_a_reference_or_beside_each_other(runs):
    before = runs[0]
    page = compare_runs(f"{before}:best", f"{before}:worse").page
    assert page.startswith("# `run:best` → `run:worse`") and "−0.50" in page and "▼" in page
    rows = sheet(compare_runs(before, before, reference="best").files["compare.csv"])
    assert {row["row"] for row in rows} == {"pinv", "best", "same", "worse", "fails"}
    for bad, message in ((f"{before}:bust", "no row 'bust'"), (f"{before}:best", "leave --reference out")):
        with pytest.raises(ValueError, match=message):
            compare_runs(bad, before, reference="best" if "leave" in message else None)


def test_a_gate_looks_at_every_row(runs):
    lost = compare_runs(*runs, gates=[read_gate("psnr:-0.05")]).failures
    reasons = ["same: the row is gone", "worse: no longer solved: 1 image"]
    assert [text.partition(": ")[2] for text in lost] == reasons
    assert not compare_runs(runs[0], runs[0], gates=[read_gate("psnr:0")]).failures
    assert (
        compare_runs(*runs, None, [read_gate("psnr:-0.05")], make_choice(columns="misfit")).failures == lost
    )


@pytest.mark.long
def test_it_needs_no_torch(runs):
    code = "import sys; from bench.report.compare.report import compare_runs; compare_runs(*sys.argv[1:]); "
    code += "print({'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, *runs], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "set()"
