"""`benchmarks/gpu.py`: its toy run end to end, and parts that fail, hang or run out of memory."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from bench.cli.tables import repeat_table
from bench.verify.repeat import Repeat
from tests import ROOT

BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.long
def test_the_toy_run_goes_through_every_part(tmp_path):
    out, script = tmp_path / "gpu.json", str(BENCHMARKS / "gpu.py")
    command = [sys.executable, script, "--toy", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(out.read_text())
    parts = document["parts"]
    assert {name: part["status"] for name, part in parts.items()} == dict.fromkeys(parts, "ok")
    assert {"device", "cores", "versions"} <= document["machine"].keys() and document["toy"]
    rows = {name: part["measurements"] for name, part in parts.items()}
    measured = {(r["batch"], r["precision"], r["channels_last"], r["call"]) for r in rows["ffhq256_uncond"]}
    precisions, layouts = ("float32", "tf32", "bfloat16", "float16"), (True, False)
    calls = ("evaluation", "vjp")
    expected = {(2, p, layout, call) for p in precisions for layout in layouts for call in calls}
    assert measured == expected | {(batch, "float16", False, call) for batch in (1, 4) for call in calls}
    assert [r["compiled"] for r in rows["compiled"]] == [True, True]
    assert {r["solver"] for r in rows["overhead"]} == {"red_diff", "dps", "ddrm"}
    costs = {r["solver"]: r for r in rows["costs"] if r["kind"] == "computed" and r["precision"] == "float16"}
    spent = {name: (row["nfe"], row["vjps"]) for name, row in costs.items()}
    assert spent == {
        "red_diff": (1000, 0), "dps": (1000, 1000), "mcg": (1000, 1000), "pigdm": (100, 100),
        "ddrm": (20, 0), "ddnm": (100, 0), "diffpir": (100, 0), "daps": (1000, 0),
        "mmps": (100, 100), "tmpd": (1000, 2000), "flower": (100, 0), "pnp_flow": (500, 0),
        "ot_ode": (90, 90), "pnp_dm": (3000, 0), "sitcom": (620, 600), "dcdp": (200, 0),
        "dsg": (100, 100), "lgd_mc": (1000, 1000), "repaint": (2410, 0), "fps_smc": (5000, 0),
        "dds": (50, 0), "scg": (384250, 0), "dps_gsg": (1000, 1000),
    }  # fmt: skip
    checked = [r for r in rows["costs"] if r["kind"] == "checked"]
    assert [r["solver"] for r in checked if 0.1 < r["ratio"] < 10] == ["ddrm", "dps"]
    again = [(r["task"], r["label"], r["reproduced"]) for r in rows["verify"]]
    assert again == [("sr_average4", "pinv", True)]
    fast = rows["fast"]
    assert {r["layout"] for r in fast if r["kind"] == "calls"} == {"contiguous", "channels_last"}
    assert [r["way"] for r in fast if r["kind"] == "calls"][-2:] == ["compiled and tf32"] * 2
    assert [r["solver"] for r in fast if r["kind"] == "solves"] == ["ddrm", "dps"] * 2
    assert max(r["gap"] for r in fast if "gap" in r) < 0.05
    assert [len(r["found"]) for r in fast if r["kind"] == "probe"] == [2]
    assert len(rows["tests"]) == 3 and {r["outcome"] for r in rows["tests"]} == {"passed"}
    command = [sys.executable, script, "--show", out]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout == done.stdout and shown.stdout.count("\n## ") == 8


PART = """
import json, subprocess, sys, time
print(json.dumps({"machine": {}, "commit": "abc"}), flush=True)
print(json.dumps({"ms": 1.5}), flush=True)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("rest", "seconds", "status"),
    [
        ("", 60, "ok"),
        ("sys.exit(3)", 60, "failed: its process ended with 3"),
        ("import os; os.abort()", 60, "failed: its process ended with -6"),
        ("print(json.dumps({'status': 'failed: why'}), flush=True); sys.exit(1)", 60, "failed: why"),
        ("subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])", 1, "timed out after 1 s"),
        ("", 0, "timed out: no time was left for it"),
    ],
)
def test_what_a_part_measured_stays_however_it_ends(tmp_path, rest, seconds, status):
    from gpu import run_part

    document = {"commit": None, "machine": None, "parts": {"p": {"status": "not run", "measurements": []}}}
    start = time.monotonic()
    run_part(document, "p", [sys.executable, "-c", PART + rest], seconds, tmp_path / "gpu.json")
    assert time.monotonic() - start < 30
    assert document["parts"]["p"]["status"] == status
    assert document["parts"]["p"]["measurements"] == ([{"ms": 1.5}] if seconds else [])
    assert json.loads((tmp_path / "gpu.json").read_text()) == document
    assert [path.name for path in tmp_path.iterdir()] == ["gpu.json"]


def toy_job(**sizes):
    from benchmarks.gpu_parts.job import TOY_SIZES, GpuJob

    rows = []
    chosen = replace(TOY_SIZES, **sizes)
    job = GpuJob(torch.device("cpu"), chosen, time.monotonic() + 60, {}, lambda **row: rows.append(row))
    return job, rows


@pytest.mark.parametrize("side", [16, 8])
def test_batches_are_doubled_until_memory_ends_and_images_halved_where_none_fits(monkeypatch, side):
    from benchmarks.gpu_parts import networks

    def fake(prior, batch, call, repeats):
        if prior.shape[-1] > side or batch > {"evaluation": 8, "vjp": 4}[call]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"ms": 1.0}

    monkeypatch.setattr(networks, "time_call", fake)
    job, rows = toy_job(largest=64)
    networks.measure_network(job, "ffhq256_uncond")
    job.check()
    tried = [(r["side"], r["batch"], r["call"]) for r in rows if "error" in r]
    whole = [(16, 1, "evaluation"), (16, 1, "vjp")] if side == 8 else []
    assert tried == [*whole, (side, 8, "vjp"), (side, 16, "evaluation")]
    assert {r["side"] for r in rows if "ms" in r} == {side}


def test_a_measurement_that_fails_costs_no_other_one():
    from benchmarks.gpu_parts.job import Failed

    job, rows = toy_job()
    assert not job.attempt({"n": 1}, lambda: 1 / 0)
    assert job.attempt({"n": 2}, lambda: {"ms": 1.0})
    assert rows == [{"n": 1, "error": "ZeroDivisionError: division by zero"}, {"n": 2, "ms": 1.0}]
    with pytest.raises(Failed, match="failed: 1 measurements are missing: ZeroDivisionError"):
        job.check()
    late = replace(job, deadline=0.0, lost=[])
    assert not late.attempt({"n": 3}, lambda: {"ms": 1.0})
    with pytest.raises(Failed, match="timed out: 1 measurements"):
        late.check()


def test_costs_are_steps_times_calls():
    from benchmarks.gpu_parts.harness import predict

    common = {"network": "n", "side": 8, "precision": "float16", "channels_last": False, "compiled": False}
    rows = [
        {**common, "batch": 4, "call": "evaluation", "ms": 8.0, "gb": 2.0},
        {**common, "batch": 4, "call": "vjp", "ms": 20.0, "gb": 5.0},
        {**common, "batch": 16, "call": "vjp", "ms": 70.0, "gb": 17.0},
        {**common, "batch": 4, "call": "vjp", "ms": 99.0, "gb": 9.0, "channels_last": True},
    ]
    cheap, half, dear = (predict(rows, "n", "float16", 4, 100, share) for share in (0, 0.5, 1))
    assert [cost["seconds_per_image"] for cost in (cheap, half, dear)] == pytest.approx([0.2, 0.35, 0.5])
    assert (cheap["gb"], cheap["gb_per_image"]) == (2.0, None)
    assert (dear["gb"], dear["gb_per_image"]) == (5.0, 1.0)
    assert predict(rows, "n", "float32", 4, 100, 0) is None
    assert predict(rows[1:], "n", "float16", 4, 100, 0.5) is None


def test_rows_of_verify_are_read_as_it_prints_them():
    """Without the network of LPIPS every row lacks it: that alone is no difference between devices."""
    from benchmarks.gpu_parts.checks import read_table

    near, far = {"psnr": (1e-4, 0.5), "ssim": (1e-5, 1e-5)}, {"psnr": (0.5, 0.5), "ssim": (1e-5, 1e-5)}
    repeats = [
        Repeat("box", "ddrm-20", 2, (), {**near, "lpips": (1e-6, 1e-6)}, False),
        Repeat("box", "lacks", 2, ("no lpips",), near, True),
        Repeat("box", "lacks-far", 2, ("no lpips",), far, False),
        Repeat("box", "another-y", 2, ("y", "no lpips"), near, None),
        Repeat("box", "far", 2, (), far, False),
    ]
    rows = read_table(repeat_table(repeats))
    assert [(row["label"], row["reproduced"], row["changed"]) for row in rows] == [
        ("ddrm-20", True, None),
        ("lacks", True, "no lpips"),
        ("lacks-far", False, "no lpips"),
        ("another-y", False, "y, no lpips"),
        ("far", False, None),
    ]
    assert rows[1]["medians"] == {"PSNR": 1e-4, "SSIM": 1e-5} and rows[1]["images"] == 2
