"""Records are made again: equal ones pass; another measurement, cost or score does not. In deterministic mode
to the last bit."""

import shutil
import sys
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from bench.certify.certificates import read_certificates
from bench.certify.code import file_sha256
from bench.cli import cli
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import Journal, read_records
from bench.suites.changes import override
from bench.suites.suite import load_suite
from bench.verify.repeat import compare
from solvers.red_diff import RedDiff
from tests import ROOT
from tests.tiny import build, scored_by_psnr

ROWS = ("pinv", "red_diff", "dps", "ddnm")


def bench(*args):
    return CliRunner().invoke(cli, [str(a) for a in args])


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def made(suite, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    done = bench(
        "run", "--suite", suite, "--out", folder, "--task", "box", *(f"--solver={row}" for row in ROWS)
    )
    assert done.exit_code == 0, done.output
    return folder


def claimed(made, folder, **changes):
    """The same run folder with other claims in the records of RED-diff."""
    shutil.copytree(made / "manifest", folder / "manifest")
    with Journal(folder) as journal:
        for record in read_records(made)[0]:
            mine = (
                {k: v(getattr(record, k)) for k, v in changes.items()} if record.solver == "red_diff" else {}
            )
            journal.append(replace(record, **mine))
    return folder


def verify(folder, suite):
    return bench("verify", folder, "--suite", suite, "--progress", "none")


def test_what_was_just_made_is_reproduced(made, suite):
    done = verify(made, suite)
    assert done.exit_code == 0, done.output
    assert done.output.count("  reproduced") == len(ROWS) and "12 reconstructions of 4 rows" in done.output


@pytest.mark.long
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"metrics": lambda m: {**m, "psnr": m["psnr"] + 0.02}}, "  differs\n"),
        ({"metrics": lambda m: {**m, "misfit": 99.0}}, "  differs\n"),
        ({"metrics": lambda m: {**m, "top1": 1.0}}, "  differs: no top1\n"),
        ({"y_hash": lambda _: "0" * 64}, "  differs: y\n"),
        ({"nfe": lambda n: n - 1}, "  differs: nfe\n"),
        ({"code_sha256": lambda _: "0" * 64}, "  reproduced, other code\n"),
        ({"code_sha256": lambda _: read_certificates()["red_diff"].earlier[0]}, "  reproduced\n"),
        ({"code_sha256": lambda _: file_sha256(RedDiff)}, "  reproduced\n"),
    ],
)
def test_a_false_claim_is_seen(made, suite, tmp_path, changes, says):
    done = verify(claimed(made, tmp_path, **changes), suite)
    assert says in done.output and ("other code" in done.output) == ("other code" in says)
    assert done.exit_code == ("differs" in says)
    assert ("error: 1 of 4 rows not reproduced" in done.output) == ("differs" in says)


@pytest.mark.parametrize(
    ("gaps", "good"), [([0.0, 0.03], True), ([0.02, 0.03], False), ([0.0, 0.005, 0.02], True)]
)
def test_half_of_the_images_decide(made, suite, gaps, good):
    """One of two images is half; the mean of both deviations says nothing of either."""
    plan = prepare(override(load_suite(str(suite)), ["pinv"], ["box"]), Options())
    records = [r for r in read_records(made)[0] if r.solver == "pinv"][: len(gaps)]
    pairs = [
        (r, replace(r, metrics={**r.metrics, "psnr": r.metrics["psnr"] + g}))
        for r, g in zip(records, gaps, strict=True)
    ]
    assert compare(plan.cells[0], pairs).reproduced == good


def test_a_suite_of_several_priors_is_found_by_the_folder(tmp_path):
    start = ("run", "--suite", "exact", "--solver", "exact", "--images", 1, "--no-report")
    assert bench(*start, "--out", tmp_path).exit_code == 0
    done = bench("verify", tmp_path, "--images", 1, "--task", "d8-m2-s0.2", "--progress", "none")
    assert done.exit_code == 0 and "d8-m2-s0.2  exact" in done.output, done.output
    assert "not compared: 2 recorded rows that --suite, --task and --solver leave out" in done.output


def test_what_cannot_be_verified_is_named(made, suite, tmp_path):
    assert "is no run folder: it has no manifest" in verify(tmp_path, suite).output
    other = bench("verify", made, "--suite", "smoke")
    assert other.exit_code == 1 and "none of the records" in other.output


@pytest.mark.long
def test_deterministic_mode_repeats_every_bit(suite, tmp_path, monkeypatch):
    """In float32, whatever is solved beside an image and however many threads there are."""
    rows, threads = [f"--solver={row}" for row in ROWS], torch.get_num_threads()
    start = ("run", "--suite", suite, "--task", "box", "--images", 2, "--deterministic", "--no-report", *rows)
    try:
        torch.set_num_threads(1)
        whole = bench(*start, "--out", tmp_path / "whole")
        torch.set_num_threads(2)
        parts = [bench(*start, "--out", tmp_path / "parts", "--shard", shard) for shard in ("2/2", "1/2")]
        assert torch.get_num_threads() == 2 and not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(threads)
    assert [done.exit_code for done in (whole, *parts)] == [0, 0, 0], whole.output
    one, two = ({r.key: r for r in read_records(tmp_path / name)[0]} for name in ("whole", "parts"))
    assert one.keys() == two.keys() and len(one) == 2 * len(ROWS)
    assert all(
        one[key].metrics == two[key].metrics and one[key].batch == one[key].threads == 1 for key in one
    )
    command = [*map(str, start), "--out", str(tmp_path / "two"), "--workers", "2"]
    command += ["--suite", str(scored_by_psnr(suite))]
    monkeypatch.setattr(sys, "argv", ["bench", *command])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    by_workers = bench(*command)
    assert by_workers.exit_code == 0, by_workers.output
    both = {r.key: r for r in read_records(tmp_path / "two")[0]}
    assert both.keys() == one.keys()
    assert all(both[key].metrics.items() <= one[key].metrics.items() for key in one)
    assert all(set(r.metrics) == {"psnr", "misfit"} for r in both.values())
    assert all(r.is_deterministic for r in [*one.values(), *both.values()])
    refused = bench(*start, "--out", tmp_path / "no", "--batch", "4")
    assert refused.exit_code == 2 and "--deterministic solves one image at a time" in refused.output


@pytest.mark.long
def test_deterministic_mode_says_that_ordinary_records_stay(made, suite, tmp_path):
    """And the report says which are which."""
    folder = tmp_path / "run"
    shutil.copytree(made, folder)
    start = ("run", "--suite", suite, "--task", "box", "--solver", "pinv", "--solver", "mcg", "--out", folder)
    done = bench(*start, "--deterministic")
    note = "note: 4 records are there from ordinary runs; they are not made again in deterministic mode\n"
    assert done.exit_code == 0 and note in done.stdout, done.output
    page = (folder / "report" / "report.md").read_text()
    assert "| Deterministic mode | 4 of 20 records: one image at a time" in page
    assert "- Partly in deterministic mode: `mcg`; the other records were made by ordinary runs." in page
    assert "note:" not in bench(*start).stdout, "an ordinary run takes what is there"
