"""The queue of a driver: who gets what next, and three tries."""

from bench.plan.cell import Job
from bench.run.engines.queue import PAUSE, Queue
from bench.run.engines.work import Shard


def shard(keys, prior="p", deaths=0):
    return Shard("cell", prior, tuple(Job(key, 0, key) for key in keys), deaths)


def keys(found):
    return "".join(job.key for job in found.jobs)


def test_a_worker_goes_on_with_its_prior_and_gets_nothing_that_is_settled():
    queue = Queue([shard("ab"), shard("c", "q"), shard("d", "q"), shard("e")])
    assert keys(queue.next("q")) == "c"
    assert keys(queue.next("", {"a"})) == "b"
    assert keys(queue.next("q", {"d"})) == "e"
    assert queue.next("q") is None and not queue


def test_what_another_run_is_at_work_on_comes_again_later():
    now = [0.0]
    queue = Queue([], clock=lambda: now[0])
    queue.put_off(shard("a"))
    assert queue.next("") is None and len(queue) == 1
    now[0] = PAUSE
    assert keys(queue.next("")) == "a"


def test_an_image_that_kills_its_worker_is_found_and_costs_no_other():
    """The worker dies whenever it comes to image d; all before it in a shard are recorded. After the first
    death something was recorded, so that three tries follow, two of them alone."""
    queue, settled, deaths, lost = Queue([shard("abcdef")]), set(), 0, []
    while given := queue.next("", settled):
        names = keys(given)
        if "d" in names:
            deaths += 1
            settled.update(names[: names.index("d")])
            lost += [gone for gone in [queue.note_death(given, settled)] if gone]
        else:
            settled.update(names)
        settled.update(job.key for gone in lost for job in gone.jobs)
    assert deaths == 4 and [keys(gone) for gone in lost] == ["d"] and settled == set("abcdef")


def test_deaths_between_which_something_is_recorded_do_not_add_up():
    queue, settled = Queue([shard("abcdef")]), set()
    for key in "abcde":
        given = queue.next("", settled)
        settled.add(key)
        assert queue.note_death(given, settled) is None
    assert keys(queue.next("", settled)) == "f"
    assert queue.note_death(shard("f"), {"f"}) is None and not queue, "recorded, then died"
