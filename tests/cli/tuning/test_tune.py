"""`tune`: the commands of the documentation, and what does not make sense."""

import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from bench.records.journal import read_records
from bench.tune.run import alone
from tests import ROOT
from tests.commands import bench
from tests.tiny import build, scored_by_psnr
from tests.tune.made_search import write_card

TINY = {
    "tune": [
        "--steps",
        "2",
        "--images",
        "1",
        "--fresh",
        "1",
        "--candidates",
        "2",
        "--objective",
        "psnr",
        "--quiet",
    ],
    "run": ["--images", "1", "--progress", "none"],
}
"""What makes the commands of the documentation small."""


@pytest.mark.long
def test_the_five_commands_of_the_documentation(tmp_path, monkeypatch):
    """In a folder of a user, who has the method of the examples."""
    page = (ROOT / "docs" / "tune.md").read_text().partition("## What is the same")[0]
    commands = re.findall(r"^ {4}python -m bench (.+)", page, re.M)
    assert len(commands) == 5
    for file in (ROOT / "examples" / "own_solver").iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    outputs = []
    for command in commands:
        verb, *words = shlex.split(command)
        done = bench(verb, *words, *TINY.get(verb, []))
        assert done.exit_code == 0, (command, done.output)
        outputs.append(done.output)
    assert "ddrm, masks: 2 candidates x 1 image x 2 tasks" in outputs[1]
    assert "my_solver, masks: 2 candidates, 8 of 8 evaluations" in outputs[2]
    card = yaml.safe_load((tmp_path / "my_solver.yaml").read_text())
    preset, source = (card[part]["bench"]["fashion32"]["inpaint_*"] for part in ("presets", "tuned"))
    assert preset["steps"] == 2 and source["candidates"] == 2
    report = (tmp_path / "results" / "linear" / "report" / "report.md").read_text()
    assert "my_solver" in report and "ddrm-20" in report
    assert (tmp_path / "results" / "tune" / "candidates.csv").read_text().count("\n") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--solver", "dsp"], "unknown solver 'dsp' (did you mean 'dps'?)"),
        (["--solver", "pinv"], "--solver pinv: it has nothing to search"),
        (["--objective", "pnsr"], "--objective pnsr: unknown objective (did you mean 'psnr'?)"),
        (
            ["--objective", "mmd"],
            "objective mmd: task inpaint_box, inpaint_random has it not; it has psnr, ssim",
        ),
        (
            ["--budget", "10"],
            "red_diff, masks: a budget of 10 evaluations is below one candidate, which takes 3200",
        ),
        (["--budget", "0"], "0 is below 1, the least"),
        (["--dataset", "fashion32"], "data set 'fashion32' is what suite 'demo' evaluates; tune on others"),
        (["--dataset", "fashion31", "--solver", "ddrm"], "ddrm, masks and 4 others: unknown data set"),
        (["--family", "mask"], "--family mask: no such family of tasks here (did you mean 'masks'?)"),
        (["--suite", "liner"], "unknown suite 'liner' (did you mean 'linear'?)"),
        (
            ["--images", "60", "--solver", "ddrm"],
            "has 64 images; 60 to search and 32 fresh ones are 92: give fewer",
        ),
        (["--preset", "lpip=x"], "--preset lpip=x: expected OBJECTIVE=NAME, with one of psnr"),
        (["--solver", "pkg.mod:Class", "--write"], "--solver pkg.mod:Class: it has nothing to search"),
        (["--deterministic", "--batch", "4"], "--deterministic solves one image at a time"),
    ],
)
def test_what_does_not_make_sense_is_a_line(tmp_path, words, message):
    usual = [] if "--objective" in words else ["--objective", "psnr"]
    done = bench("tune", "--out", tmp_path / "out", *usual, *words)
    assert done.exit_code == 2 and message in " ".join(done.stderr.split()), done.output
    assert "Traceback" not in done.output and not (tmp_path / "out" / "journal").exists()


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("search: {}\n", "it has nothing to search: write ranges under `search`"),
        ("search:\n  a: {low: 2, high: 1}\n", "mine.yaml:2: search.a: low must be below high"),
        ("search:\n  c: {low: 1, high: 2}\n", "mine.yaml:2: search.c: unknown parameter; known: steps, a, b"),
        ("search:\n  a: {low: -1, high: 2}\n", "search.a leaves the range of the method: --solver "),
        ("search:\n  a: {low: 1, high: 2, unit: sgima}\n", "unknown name 'sgima' (did you mean 'sigma'?)"),
    ],
)
def test_a_space_that_is_empty_or_outside_of_the_method_s_own_is_a_line(tmp_path, card, message):
    mine = write_card(tmp_path, card)
    done = bench(
        "tune", "--solver", mine, "--family", "hdr", "--objective", "psnr", "--out", tmp_path / "out"
    )
    assert done.exit_code == 2 and message in " ".join(done.stderr.split()), done.output


def test_two_methods_of_one_name_are_refused(tmp_path):
    """They would share a folder, and the preset of one would be written for neither or the other."""
    folders = [tmp_path / name for name in ("v1", "v2")]
    for folder in folders:
        folder.mkdir()
    one, other = map(write_card, folders)
    words = ["--solver", one, "--solver", other, "--family", "hdr", *TINY["tune"], "--out", tmp_path / "out"]
    done = bench("tune", *words)
    said = f"two searches are called 'mine, hdr', {one} on fashion32_tune with fashion32 and {other} on"
    assert done.exit_code == 2 and said in done.stderr and not (tmp_path / "out").exists()


@pytest.mark.long
def test_a_second_command_in_a_folder_is_refused(tmp_path):
    """Locks are those of processes, so that the second one is a process of its own."""
    words = ["tune", "--solver", "ddrm", "--family", "hdr", "--objective", "psnr", "--out", str(tmp_path)]
    with alone(tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "bench", *words], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 1 and "error: another search works in" in done.stderr


def test_a_search_in_which_all_is_lost_says_so(tmp_path):
    suite, mine = build(tmp_path), tmp_path / "mine.py"
    (tmp_path / "mine.yaml").write_text("search:\n  mode: {choices: [nan, shape, tensor]}\n")
    words = ["--task", "box", "--objective", "psnr", "--images", 2, "--fresh", 1, "--steps", 3, "--quiet"]
    words += ["--dataset", tmp_path / "images.toml"]
    lost = bench("tune", "--suite", suite, "--solver", mine, *words, "--out", tmp_path / "out")
    assert lost.exit_code == 1 and "psnr         every candidate lost an image" in lost.stdout
    assert "1 search: no candidate can be chosen; the reasons are above" in lost.stderr


def test_a_row_takes_the_preset_that_was_written_for_a_prior_of_the_users_own(tmp_path):
    """A suite names such a prior by the path of its card, presets by its name."""
    suite, mine = scored_by_psnr(build(tmp_path)), tmp_path / "my_solver.py"
    for file in (ROOT / "examples" / "own_solver").glob("my_solver.*"):
        shutil.copy(file, tmp_path)
    words = ["--suite", suite, "--solver", mine, "--task", "box"]
    tuned = bench(
        "tune",
        *words,
        *TINY["tune"],
        "--dataset",
        tmp_path / "images.toml",
        "--write",
        "--out",
        tmp_path / "out",
    )
    assert tuned.exit_code == 0 and "written: " in tuned.stdout, tuned.output
    found = yaml.safe_load((tmp_path / "my_solver.yaml").read_text())["presets"]["bench"]["tiny"]["box"]
    done = bench("run", *words, *TINY["run"], "--no-report", "--out", tmp_path / "run")
    (record,) = read_records(tmp_path / "run")[0]
    assert done.exit_code == 0 and record.preset == "bench" and record.params == found


def test_an_interruption_says_that_the_command_can_go_on(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.tune.run.run_searches", interrupted)
    done = bench("tune", "--solver", "ddrm", "--family", "hdr", *TINY["tune"], "--out", tmp_path)
    assert done.exit_code == 130
    assert done.stderr == f"error: interrupted; what is recorded is kept in {tmp_path}: run again to go on\n"


@pytest.mark.long
def test_a_family_that_a_method_does_not_take_is_no_error_beside_others(tmp_path):
    words = ["--solver", "ddrm", "--family", "hdr", "--family", "masks", *TINY["tune"]]
    done = bench("tune", *words, "--out", tmp_path)
    assert done.exit_code == 0 and "ddrm, hdr: not tuned: " in done.stdout and "ddrm, masks: 2" in done.stdout


@pytest.mark.long
def test_what_fails_or_is_refused_does_not_keep_presets_of_others_from_being_written(tmp_path):
    """One method takes no task of a family, one's card is wrong; the third is tuned and written."""
    good = write_card(tmp_path)
    (tmp_path / "good.py").write_text((ROOT / "examples" / "own_solver" / "my_solver.py").read_text())
    shutil.copy(ROOT / "examples" / "own_solver" / "my_solver.yaml", tmp_path / "good.yaml")
    (tmp_path / "mine.yaml").write_text("search:\n  a: {low: -1, high: 2}\n")
    words = ["--solver", good, "--solver", tmp_path / "good.py", "--family", "hdr", "--family", "masks"]
    done = bench("tune", *words, *TINY["tune"], "--write", "--out", tmp_path / "out")
    (line,) = done.stderr.splitlines()
    assert done.exit_code == 2 and "mine, masks and 1 other: search.a leaves the range" in line, done.output
    assert (
        "good, hdr: not tuned: " in done.stdout
        and "written: " in done.stdout
        and "tuned:" in (tmp_path / "good.yaml").read_text()
    )
    assert (tmp_path / "out" / "candidates.csv").read_text().count("\n") > 1
