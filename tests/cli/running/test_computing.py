"""A plan from the command line: forecast, computed, interrupted, and what is told of it."""

import re

from bench.records.journal import read_records
from tests.commands import bench, run_tiny


def test_dry_run_says_what_is_missing_and_writes_nothing(tiny, tmp_path):
    result = run_tiny(tiny, tmp_path / "none", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert not (tmp_path / "none").exists()
    rows = {line.split()[1]: line.split() for line in result.stdout.splitlines()[1:-1]}
    assert rows["dps"][2:5] == ["0", "4", "4"], "done, missing, NFE"
    total = r"36 reconstructions missing, 0 done; about (\d+ min )?\d+ s of solver time"
    assert re.fullmatch(total, result.stdout.splitlines()[-1])


def test_interrupt_keeps_what_is_done(tiny, tmp_path):
    result = run_tiny(tiny, tmp_path, "--solver", f"{tiny}/mine.py:Mine.mode=interrupt", "--batch", 1)
    assert result.exit_code == 130
    assert f"error: interrupted; 3 new records are kept in {tmp_path}: run again to go on" in result.stderr
    assert len(read_records(tmp_path)[0]) == 3


DELETES = """
import shutil
from dataclasses import dataclass
from pathlib import Path

from solvers.pinv import Pinv


@dataclass(frozen=True)
class Deletes(Pinv):
    folder: str = ""

    def solve(self, *given):
        yield from super().solve(*given)
        if list(Path(self.folder).glob("journal/*.jsonl")):
            shutil.rmtree(self.folder)
"""


def test_a_folder_that_is_deleted_meanwhile_is_told(tiny, tmp_path):
    """The journal is open by then, and what is written into it cannot be found any more."""
    (tiny / "deletes.py").write_text(DELETES)
    row = f"--solver={tiny}/deletes.py.folder={tmp_path}/run"
    result = run_tiny(tiny, tmp_path / "run", row, "--images", 2, "--batch", 1, "--no-report")
    assert result.exit_code == 1, result.output
    assert "was deleted or moved while the run went on" in result.stderr


def test_a_shard_without_images_says_so(tiny, tmp_path):
    for i in (1, 2, 3):
        part = run_tiny(tiny, tmp_path, "--solver", "pinv", "--images", 2, "--shard", f"{i}/3")
        assert part.exit_code == 0, part.output
        assert ("note: shard 3/3 has none of the 2 images" in part.stderr) == (i == 3)
    assert len(read_records(tmp_path)[0]) == 2


def test_trajectories_are_of_new_records_and_of_images(tiny, tmp_path):
    """Records that are there are counted, not made again; sets of samples have no estimate per image."""
    first = run_tiny(tiny, tmp_path, "--solver", "pinv", "--no-report")
    again = run_tiny(tiny, tmp_path, "--solver", "pinv", "--solver", "ddrm", "--no-report", "--trajectory")
    assert first.exit_code == again.exit_code == 0, again.output
    assert "note" not in first.stdout
    assert "note: 4 records without a trajectory, which a run does not make again" in again.stdout
    assert len(list(tmp_path.glob("objects/trajectory/*/*.npz"))) == 4
    third = run_tiny(tiny, tmp_path, "--solver", "ddrm", "--no-report", "--trajectory")
    assert "without a trajectory" not in third.stdout
    exact = bench("run", "--suite", "exact", "--trajectory", "--out", tmp_path / "exact")
    assert exact.exit_code == 2 and not (tmp_path / "exact").exists()
    assert "--trajectory: suite 'exact' scores sets of samples" in exact.stderr


def test_a_cut_journal_is_named_and_what_it_held_is_computed_again(tiny, tmp_path):
    words = "--solver", "pinv", "--images", 2, "--batch", 1, "--no-report"
    assert run_tiny(tiny, tmp_path, *words).exit_code == 0
    (journal,) = tmp_path.glob("journal/*.jsonl")
    journal.write_bytes(journal.read_bytes()[:-9])
    again = run_tiny(tiny, tmp_path, *words)
    said = f"warning: 1 damaged journal line ignored, in {journal}; what it recorded is computed again"
    assert again.exit_code == 0 and said in again.stderr, again.output
    assert len(read_records(tmp_path)[0]) == 2
