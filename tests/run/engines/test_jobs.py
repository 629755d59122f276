"""Jobs are taken once, whoever works in a folder; batches shrink where memory lacks."""

import multiprocessing

import pytest

from bench.plan.cell import Job
from bench.records.journal import History, Journal
from bench.records.lines import BriefReader
from bench.run.engines.jobs import Batches, Desk
from tests.made_record import make

KEYS = [f"{i:08x}" + 56 * "0" for i in range(8)]
JOBS = [Job(key, 0, key) for key in KEYS]


def hold(folder, held, let_go):
    taken, _ = Desk(folder, History(folder, BriefReader())).take(JOBS, 2)
    held.send([job.key for job in taken.mine])
    let_go.recv()


@pytest.mark.long
def test_another_process_takes_the_next_jobs_and_those_of_one_that_died(tmp_path):
    (tmp_path / "journal").mkdir()
    context = multiprocessing.get_context("spawn")
    (here, held), (let_go, there) = context.Pipe(), context.Pipe()
    process = context.Process(target=hold, args=(tmp_path, held, there))
    process.start()
    theirs = here.recv()
    desk = Desk(tmp_path, History(tmp_path, BriefReader()))
    taken, _ = desk.take(JOBS, 3)
    assert [job.key for job in taken.others] == theirs == KEYS[:2]
    assert taken.mine == JOBS[2:5] and taken.untried == JOBS[5:]
    process.kill()
    process.join()
    assert desk.take(JOBS[:2], 2)[0].mine == JOBS[:2], "its claims went with it"
    del let_go


def test_what_was_recorded_before_a_claim_is_not_computed_again(tmp_path):
    desk = Desk(tmp_path, History(tmp_path, BriefReader()))
    with Journal(tmp_path) as other:
        other.append(make(0, key=KEYS[1]))
    taken, new = desk.take(JOBS[:3], 3)
    assert taken.mine == [JOBS[0], JOBS[2]] and [record.key for record in new] == [KEYS[1]]
    assert desk.take(JOBS[1:2], 1)[0] == ([], [], [])


def test_batches_shrink_where_memory_lacks_and_jobs_stand_alone_where_one_fails():
    batches = Batches(list("abcdefg"), 4)
    assert batches.next() == list("abcd") and batches.split(halve=True)
    assert batches.next() == list("ab")
    batches.done()
    assert batches.next() == list("cd") and batches.split(halve=False)
    for one in "cd":
        assert batches.next() == [one] and not batches.split(halve=True)
        batches.done()
    assert batches.next() == list("ef"), "the failing batch is over"
    batches.done()
    assert batches.next() == ["g"]
    batches.done()
    assert batches.next() == []
