"""Every kind of run is found again by what its manifest keeps; what is not there any more is told, row by
row."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import operators
from bench.cli import cli
from bench.plan.build import prepare
from bench.plan.loading import make_loader
from bench.plan.options import Options
from bench.plan.request import parse_request
from bench.priors import load_prior
from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from bench.suites.suite import load_suite
from bench.verify.rebuild import cells_of
from bench.verify.repeat import recorded_rows
from tests.checks.test_operator import FLIP
from tests.tiny import build

KINDS = {
    "a task of the suite": ("--task=box", "--solver=pinv", "--solver=mcg"),
    "photos": ("--images-dir=photos", "--task=box", "--solver=pinv"),
    "operator": ("--operator=flip.py:Flip", "--solver=pigdm"),
    "prior": ("--prior=other.toml", "--task=box", "--solver=dps"),
    "data set": ("--dataset=other_images.toml", "--task=box2", "--solver=pinv"),
    "limit": ("--time-limit=1000", "--task=box", "--solver=pinv"),
    "dtype": ("--dtype=bfloat16", "--task=box", "--solver=ddrm"),
    "code": ("--task=box", "--solver=mine.py:Mine.steps=2,4"),
    "seed": ("--seed=3", "--data-root=.", "--task=box", "--solver=red_diff.lr=0.2"),
    "deterministic": ("--deterministic", "--task=box2", "--solver=dps"),
    "the same row in another run": ("--task=box", "--solver=pinv", "--images=2"),
}
ROWS = 12
"""One of each kind, two of the first and of the code, and none of the last."""


def bench(*args):
    operators._class.cache_clear()
    return CliRunner().invoke(cli, [str(a) for a in args])


def verify(folder, *args):
    return bench("verify", folder, "--images", 1, "--progress", "none", "--trust-code", *args)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    build(folder)
    shutil.copytree(folder / "images", folder / "photos")
    (folder / "flip.py").write_text(FLIP.format(factor=1.0))
    (folder / "other.toml").write_text(
        (folder / "tiny.toml").read_text().replace('name = "tiny"', 'name = "other"')
    )
    (folder / "other_images.toml").write_text((folder / "images.toml").read_text())
    return folder


@pytest.fixture(scope="module")
def made(world):
    """A folder with a run of each kind, asked for with paths relative to where the runs were started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        for kind, args in KINDS.items():
            done = bench("run", "--suite=tiny.yaml", "--out=runs", "--no-report", "--progress=none", *args)
            assert done.exit_code == 0, (kind, done.output)
    return world / "runs"


@pytest.mark.long
def test_every_kind_of_row_is_made_again_once(made, world):
    """From another working folder, and without the suite's file."""
    (world / "tiny.yaml").rename(world / "gone.yaml")
    done = verify(made)
    (world / "gone.yaml").rename(world / "tiny.yaml")
    assert done.exit_code == 0, done.output
    assert done.output.count("  reproduced") == ROWS == len(recorded_rows(read_records(made)[0]))
    assert "not compared" not in done.output
    assert f"{ROWS} reconstructions of {ROWS} rows made again, all reproduced" in done.output


@pytest.mark.long
def test_what_was_asked_gives_the_same_cells(made):
    for run in read_manifests(made):
        json.dumps(run.asked.to_disk())
        plan = prepare(*parse_request(run.asked))
        assert {cell.id for cell in plan.cells} == {cell for row in run.rows for cell in row.cells.values()}


@pytest.mark.long
def test_it_can_be_narrowed_down(made):
    done = verify(made, "--solver", "mine.py:Mine.steps=4", "--task", "box")
    assert done.exit_code == 0 and "Mine[steps=4]" in done.output and "1 row made again" in done.output, (
        done.output
    )
    assert f"not compared: {ROWS - 1} recorded rows that" in done.output
    done = verify(made, "--solver", "mcg", "--solver", "Mine.steps=2", "--task", "box")
    assert done.exit_code == 0 and "Mine[steps=2]" in done.output and "2 rows made again" in done.output, (
        done.output
    )
    for args, says in (
        (("--task", "bax"), "--task bax: no record of it (did you mean 'box'?); recorded: "),
        (("--solver", "daps"), "--solver daps: no record of it"),
        (("--suite", "tny"), "unknown suite 'tny'"),
    ):
        done = verify(made, *args)
        assert done.exit_code == 2 and says in done.stderr and done.stderr.count("error: ") == 1


@pytest.mark.long
def test_reports_print_no_path_of_the_machine(made, world):
    done = bench("report", "--from", made, "--out", world / "report")
    assert done.exit_code == 0, done.output
    assert str(world) in "".join(path.read_text() for path in (made / "manifest").iterdir())
    page, sheet = ((world / "report" / name).read_text() for name in ("report.md", "tables.csv"))
    assert str(world.parent) not in page + sheet
    assert "| Deterministic mode | 4 of 48 records: one image at a time" in page
    assert "- Partly in deterministic mode" not in page, "a table has one row, and that is in it"
    assert "network reference mode" not in page


def edit(path):
    path.write_text(path.read_text() + "EDITED = 1\n")


def heavier(path):
    """Other weights, of which the card knows."""
    import hashlib

    from safetensors.torch import load, save

    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(save({name: 2 * value for name, value in load(path.read_bytes()).items()}))
    for card in ("tiny.toml", "other.toml"):
        text = path.with_name(card).read_text()
        path.with_name(card).write_text(text.replace(before, hashlib.sha256(path.read_bytes()).hexdigest()))


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "change", "args", "says"),
    [
        (
            "flip.py",
            Path.unlink,
            ["--task=Flip"],
            "Flip  pigdm: what was asked: task 'Flip': {world}/flip.py: no such file",
        ),
        ("flip.py", edit, ["--task=Flip"], "Flip  pigdm: the code of operator Flip is "),
        (
            "mine.py",
            Path.unlink,
            ["--solver=Mine"],
            "box  Mine[steps=4]: what was asked: {world}/mine.py: no such file",
        ),
        ("mine.py", edit, ["--solver=Mine.steps=4"], "box  Mine[steps=4]: the code of solver Mine is "),
        (
            "other.toml",
            Path.unlink,
            ["--solver=dps", "--task=box"],
            "box  dps: unknown prior '{world}/other.toml'",
        ),
        ("tiny.safetensors", heavier, ["--solver=ddrm"], "box  ddrm: the weights of prior 'tiny' is "),
        (
            "photos/im0.png",
            Path.unlink,
            ["--solver=pinv", "--task=box"],
            "box  pinv: the data set is photos-",
        ),
    ],
)
def test_what_cannot_be_made_again_is_told_with_the_reason(made, world, tmp_path, file, change, args, says):
    """One line for the row; the others are made again all the same."""
    shutil.copytree(world, tmp_path / "kept")
    try:
        change(world / file)
        done = verify(made, *args)
    finally:
        shutil.copytree(tmp_path / "kept", world, dirs_exist_ok=True)
    lines = [
        line
        for line in done.output.splitlines()
        if line.startswith(f"not compared: {says.format(world=world)}")
    ]
    assert len(lines) == 1, done.output


def test_what_cannot_be_loaded_is_tried_once(world, monkeypatch):
    """However many rows and tasks need it."""
    tried = []
    monkeypatch.setattr(
        "bench.plan.loading.load_prior", lambda name, *_: tried.append(name) or load_prior(f"no-{name}", *_)
    )
    suite, options = load_suite(str(world / "tiny.yaml")), Options()
    cells, reasons = cells_of(suite, make_loader(suite, options), options.numerics)
    assert len(reasons) == len(suite.tasks) * len(suite.solvers) > 4 and not cells
    assert len(tried) == 1 and all("unknown prior" in reason for reason in reasons.values())
