"""The journal: round trips, damage, several writers, kills and full disks."""

import gzip
import math
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.records.files import StoreError
from bench.records.journal import History, Journal, best, in_order, read_records
from bench.records.lines import BriefReader, LineReader, write_line
from bench.records.record import STATUSES, Brief, done_keys
from bench.system.code.syntax import code_text
from tests import ROOT
from tests.made_record import make


def only_journal(folder):
    (path,) = (folder / "journal").glob("*.jsonl")
    return path


WRITER = """
import sys, itertools
sys.path.insert(0, ".")
from tests.made_record import make
from bench.records.journal import Journal
journal, first = Journal(sys.argv[1]), int(sys.argv[2])
for i in itertools.count(first) if len(sys.argv) < 4 else range(first, first + int(sys.argv[3])):
    journal.append(make(i, reason="x" * 2000))
    print(i, flush=True)
"""

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(
    params=st.dictionaries(st.text(), json_values, max_size=4),
    reason=st.none() | st.text(),
    sigma=st.floats(0, 1e9),
)
def test_what_is_written_is_read_bit_for_bit(tmp_path_factory, params, reason, sigma):
    folder = tmp_path_factory.mktemp("run")
    record = make(params=params, reason=reason, sigma=sigma)
    with Journal(folder) as journal:
        journal.append(record)
    assert read_records(folder) == ([record], 0)


def test_infinity_is_a_value_and_numpy_numbers_are_plain(tmp_path):
    metrics = {
        "a": math.nan,
        "b": np.float32("inf"),
        "c": np.float64(0.1),
        "d": np.float32(0.5),
        "e": np.int64(3),
    }
    with Journal(tmp_path) as journal:
        journal.append(make(metrics=metrics, params={"shape": (1, 2)}))
    (record,), _ = read_records(tmp_path)
    assert record.metrics == {"a": None, "b": math.inf, "c": 0.1, "d": 0.5, "e": 3}
    assert record.params == {"shape": [1, 2]}
    assert b'"b":"inf"' in only_journal(tmp_path).read_bytes()


def test_every_damage_costs_one_line_and_is_counted(tmp_path):
    with Journal(tmp_path) as journal:
        for i in range(6):
            journal.append(make(i))
    path = only_journal(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"dps", b"dpt", 1)
    lines[2] = b"\0" * 4096 + lines[2]
    lines[4] = lines[4][:100] + b"\n"
    path.write_bytes(b"".join(lines)[:-7])
    found, n_bad = read_records(tmp_path)
    assert [r.image for r in found] == ["im0", "im2", "im3"]
    assert n_bad == 4


def test_arrivals_are_told_once_and_whole(tmp_path):
    """Several journals, some of them there before; a line that is written in part does not count."""
    with Journal(tmp_path) as old, Journal(tmp_path) as other:
        old.append(make(0))
        arrivals = History(tmp_path, LineReader())
        old.append(make(1))
        other.append(make(2))
        assert sorted(r.image for r in arrivals.new()) == ["im1", "im2"] and arrivals.new() == []
        other.append(make(3))
    path = next(path for path in (tmp_path / "journal").iterdir() if b"im3" in path.read_bytes())
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert arrivals.new() == []
    path.write_bytes(whole)
    assert [r.image for r in arrivals.new()] == ["im3"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_tail_is_skipped_and_never_glued_to_the_next_record(tmp_path, cut):
    with Journal(tmp_path) as journal:
        journal.append(make(0))
        journal.append(make(1))
    path = only_journal(tmp_path)
    os.truncate(path, path.stat().st_size - 1 - cut)
    with Journal(tmp_path) as journal:
        journal.append(make(2))
    found, n_bad = read_records(tmp_path)
    assert ([r.image for r in found], n_bad) == (["im0", "im2"], 1)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_compressed_and_windows_journals_are_read_like_others(tmp_path, end):
    with Journal(tmp_path) as journal:
        for i in range(3):
            journal.append(make(i))
    path, before = only_journal(tmp_path), read_records(tmp_path)
    data = path.read_bytes().replace(b"\n", end)
    path.write_bytes(data)
    assert read_records(tmp_path) == before and before[1] == 0
    path.unlink()
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(data))
    assert read_records(tmp_path) == before
    packed.write_bytes(gzip.compress(data, 0)[:-900])
    found, damaged = read_records(tmp_path)
    assert found == before[0][: len(found)] and len(found) in {1, 2} and damaged, (
        "cut: what comes before counts"
    )
    packed.write_bytes(b"no gzip")
    assert read_records(tmp_path) == ([], 1)


def test_a_journal_that_another_program_compressed_is_refused_and_not_forgotten(tmp_path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "a.jsonl.zst").write_bytes(b"")
    with pytest.raises(StoreError, match=r"^cannot read [^ ]+a\.jsonl\.zst: journals are compressed by gzip"):
        read_records(tmp_path)


def test_of_several_attempts_the_first_success_counts(tmp_path):
    def attempt(i, status, second, psnr):
        return make(i, status=status, created=f"2025-01-01T00:00:{second:02d}Z", metrics={"psnr": psnr})

    attempts = [
        attempt(0, "failed", 1, 1),
        attempt(0, "ok", 2, 2),
        attempt(0, "ok", 3, 3),
        attempt(0, "failed", 4, 4),
        attempt(1, "timeout", 1, 1),
        attempt(1, "crashed", 2, 2),
        attempt(2, "diverged", 1, 1),
        attempt(2, "failed", 2, 2),
    ]
    for record in reversed(attempts):
        with Journal(tmp_path) as journal:
            journal.append(record)
    found = {r.image: (r.status, r.metrics["psnr"]) for r in read_records(tmp_path)[0]}
    assert found == {"im0": ("ok", 2), "im1": ("crashed", 2), "im2": ("diverged", 1)}
    keys = [make(i).key for i in range(3)]
    found = read_records(tmp_path)[0]
    assert done_keys(found) == set(keys)
    assert done_keys(found, retry=True) == {keys[0], keys[2]}
    assert read_records(tmp_path / "nothing") == ([], 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 3),
            st.sampled_from(["ok", "diverged", "failed"]),
            st.integers(0, 2),
        ),
        max_size=12,
    )
)
def test_the_order_of_reading_does_not_choose(drawn):
    """Against the rule itself, on attempts that are sorted by their times first."""
    attempts = []
    for n, (key, second, status, lacks) in enumerate(drawn):
        unavailable = dict.fromkeys(["lpips", "ssim"][:lacks], "no weights")
        created = f"2025-01-01T00:00:{second:02d}Z"
        attempts.append(make(key, status=status, unavailable=unavailable, created=created, nfe=n))
    for key in {record.key for record in attempts}:
        own = sorted((r for r in attempts if r.key == key), key=lambda r: r.created)
        ok, done = ([r for r in own if r.status in of] for of in ({"ok"}, {"ok", "diverged"}))
        most = min((len(r.unavailable) for r in ok), default=0)
        wanted = next((r for r in ok if len(r.unavailable) == most), done[0] if done else own[-1])
        assert [r for r in best(attempts) if r.key == key] == [wanted]


def test_concurrent_writers_lose_nothing(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [
        subprocess.Popen([*command, str(1000 * k), "25"], stdout=subprocess.DEVNULL, cwd=ROOT)
        for k in range(3)
    ]
    assert [w.wait(timeout=60) for w in writers] == [0, 0, 0]
    found, n_bad = read_records(tmp_path)
    assert (len(found), n_bad) == (75, 0)
    assert len(list((tmp_path / "journal").iterdir())) == 3


def test_a_killed_writer_loses_no_acknowledged_record(tmp_path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), "0"], stdout=subprocess.PIPE, cwd=ROOT
    )
    while not only_or_none(tmp_path) or only_or_none(tmp_path).stat().st_size < 50_000:
        time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    acknowledged = [int(line) for line in writer.communicate()[0].split()]
    found, n_bad = read_records(tmp_path)
    assert {make(i).key for i in acknowledged} <= {r.key for r in found}
    assert n_bad <= 1


def only_or_none(folder):
    return next((folder / "journal").glob("*.jsonl"), None)


def test_a_forked_process_writes_its_own_file(tmp_path):
    journal = Journal(tmp_path)
    journal.append(make(0))
    pid = os.fork()
    if pid == 0:
        journal.append(make(1))
        os._exit(0)
    os.waitpid(pid, 0)
    journal.append(make(2))
    assert len(read_records(tmp_path)[0]) == 3
    assert len(list((tmp_path / "journal").iterdir())) == 2


FILLER = """
import resource, signal, sys
sys.path.insert(0, ".")
from tests.made_record import make
from bench.records.journal import Journal
from bench.records.files import StoreError, write_atomic
from bench.records.journal import read_records
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_500, resource.RLIM_INFINITY))
journal, n = Journal(sys.argv[1]), 0
try:
    while True:
        journal.append(make(n))
        n += 1
except StoreError as error:
    print(n, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append(make(1000))
"""


def test_a_full_disk_is_one_clear_error_and_what_was_written_stays(tmp_path):
    command = [sys.executable, "-c", FILLER, str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    n, message = out.split(" ", 1)
    assert "disk full?" in message and "Records up to here are kept" in message
    found, n_bad = read_records(tmp_path)
    assert [r.image for r in found if r.image != "im1000"] == [f"im{i}" for i in range(int(n))]
    assert len(found) == int(n) + 1 > 5
    assert n_bad == 1


def test_no_space_at_all(tmp_path, monkeypatch):
    def full(fd, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, Journal(tmp_path) as journal:
        patch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="No space left on device"):
            journal.append(make())
    assert read_records(tmp_path) == ([], 0)


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make .*choose another folder"):
        Journal(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="no permission"):
        Journal(tmp_path / "other")


def test_a_folder_that_is_gone_is_told(tmp_path):
    for lose in (shutil.rmtree, lambda folder: folder.rename(tmp_path / "moved")):
        folder = tmp_path / "run"
        with Journal(folder) as journal:
            journal.append(make(0))
            lose(folder)
            with pytest.raises(StoreError, match="was deleted or moved while the run went on"):
                journal.append(make(1))


def git(*arguments, cwd):
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-c", "core.autocrlf=true", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


def test_a_clone_with_windows_line_ends_has_the_bytes_of_the_commit(tmp_path):
    """With .gitattributes; without them, as in others' repositories, journals are read all the same."""
    for attributes in (True, False):
        source, clone = tmp_path / f"source{attributes}", tmp_path / f"clone{attributes}"
        folder = ROOT / "results" / "reference" / "exact"
        (source / "journal").mkdir(parents=True)
        for path in (folder / "journal").glob("*.jsonl.gz"):
            (source / "journal" / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        shutil.copy(ROOT / "solvers" / "dps.py", source / "dps.py")
        if attributes:
            shutil.copy(ROOT / ".gitattributes", source)
        git("init", cwd=source)
        git("add", "-A", cwd=source)
        git("commit", "-m", "x", cwd=source)
        git("clone", str(source), str(clone), cwd=tmp_path)
        files = [path for path in source.rglob("*") if path.is_file() and ".git" not in path.parts]
        kept = [path.read_bytes() == (clone / path.relative_to(source)).read_bytes() for path in files]
        assert all(kept) if attributes else not any(kept), "or the setting had no effect"
        assert read_records(clone) == read_records(folder)
        code = [code_text((place / "dps.py").read_bytes()) for place in (source, clone)]
        assert code[0] == code[1] is not None, "the hash of a solver is of its syntax tree"


def mangled(data, draw):
    """Lines as kills, copies, other versions and bad disks leave them."""
    lines = data.splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 4))):
        i, what = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, 5))
        line, at = lines[i], draw(st.integers(0, max(len(lines[i]) - 1, 0)))
        body = line[9:].rstrip(b"\n")
        ends = [b',"colour":"red"}', b',"notes":{"a":"inf"}}', b',"nfe":-1}']
        more = body[:-1] + draw(st.sampled_from(ends))
        lines[i] = {
            0: line[:at],
            1: line + line,
            2: line[:at] + b"\0" * 9 + line[at:],
            3: line[:at] + bytes([line[at] ^ 4]) + line[at + 1 :] if line else line,
            4: b"%08x %s\n" % (zlib.crc32(more), more),
            5: line.replace(b"\n", b"\r\n"),
        }[what]
    return b"".join(lines)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_run_decides_by_records_in_brief_as_by_whole_ones(tmp_path_factory, data):
    """What is there, damaged, done, to be tried again or to be completed, whatever became of the journals."""
    folder, draw = tmp_path_factory.mktemp("run"), data.draw
    (folder / "journal").mkdir()
    for name in draw(st.sampled_from([["a.jsonl"], ["a.jsonl", "b.jsonl.gz"], ["a.jsonl.gz"]])):
        made = []
        for _ in range(draw(st.integers(1, 6))):
            lacking = draw(st.sampled_from([{}, {"lpips": "no weights"}]))
            number = draw(st.sampled_from([1.5, math.inf, None]))
            made.append(
                make(
                    draw(st.integers(0, 3)),
                    status=draw(st.sampled_from(STATUSES)),
                    unavailable=lacking,
                    metrics={"psnr": number},
                    notes=draw(st.sampled_from([{}, {"moved": -math.inf}])),
                    created=f"2025-01-01T00:00:{draw(st.integers(0, 3)):02d}Z",
                )
            )
        text = mangled(b"".join(map(write_line, made)), draw)
        packed = gzip.compress(text)[: draw(st.sampled_from([None, -5]))]
        (folder / "journal" / name).write_bytes(packed if name.endswith("gz") else text)
    whole, brief = History(folder, LineReader()), History(folder, BriefReader())
    assert brief.damaged == whole.damaged and brief.marks == whole.marks
    names = Brief.__struct_fields__
    assert [[getattr(r, f) for f in names] for r in brief.attempts] == [
        [getattr(r, f) for f in names] for r in whole.attempts
    ]
    for retry in (False, True):
        for metrics in ((), ("lpips",)):
            assert done_keys(brief.records, retry, metrics) == done_keys(whole.records, retry, metrics)
    assert [r.key for r in in_order(brief.records)] == [r.key for r in in_order(whole.records)]


def test_journals_with_damaged_lines_are_named(tmp_path):
    journals = tmp_path / "journal"
    journals.mkdir()
    whole, torn, broken, packed = (journals / f"{name}.jsonl" for name in ("a", "b", "c", "d"))
    packed = packed.with_name("d.jsonl.gz")
    line = write_line(make(1))
    whole.write_bytes(line)
    torn.write_bytes(line[:-9])
    broken.write_bytes(b"{}x\n" + line)
    packed.write_bytes(b"no gzip")
    history = History(tmp_path, LineReader())
    assert history.damaged_in == [torn, broken, packed] and history.damaged == 3
    torn.write_bytes(line)
    history.new()
    assert history.damaged_in == [broken, packed], "a line that is complete by now"
