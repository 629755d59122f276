"""Searches at once, killed, and two in one folder."""

import multiprocessing
import os
import signal
import time

import pytest

from bench.plan.options import make_options
from bench.records.files import StoreError
from bench.records.journal import read_records
from bench.run import runner
from bench.suites.yamlfile import SuiteError
from bench.tune.candidates.asking import ask
from bench.tune.families import families
from bench.tune.objectives import objectives
from bench.tune.request import SearchRequest
from bench.tune.run import alone, run_search, run_searches
from bench.tune.trials import Size
from tests.tiny import build
from tests.tune.made_search import CODE, MadeTrials, made_search, write_card


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    (found,) = families([str(build(folder))], ["box"], [], f"{folder}/images.toml")
    return found


def asked(family, root, spec="ddrm", **changes):
    options = make_options(pictures=0, batch=2)
    return SearchRequest(spec, {}, family, ("psnr",), 3, 6, Size(2, 2, 1, 0), options, root, **changes)


def ignore(*_):
    """Is told nothing."""


@pytest.mark.long
def test_a_search_that_is_killed_in_a_candidate_ends_as_if_it_had_not_been(family, tmp_path, monkeypatch):
    """It is killed after each record in turn; records are made once."""
    whole = run_search(asked(family, tmp_path / "a"), ignore)
    killed = asked(family, tmp_path / "b")
    record = runner.Runner._record

    def dies(self, *args, **kwargs):
        record(self, *args, **kwargs)
        raise KeyboardInterrupt

    deaths, n = 0, len(read_records(asked(family, tmp_path / "a").folder)[0])
    monkeypatch.setattr(runner.Runner, "_record", dies)
    while deaths <= n:
        try:
            found = run_search(killed, ignore)
            break
        except KeyboardInterrupt:
            deaths += 1
    assert deaths == n > 12 and found == whole
    assert len(read_records(killed.folder)[0]) == n


def test_a_search_that_goes_on_asks_each_batch_once_and_tells_of_what_it_computes(
    family, tmp_path, monkeypatch
):
    """It is killed in its third batch, of 1, 4, 4 and 3 candidates."""
    trials = MadeTrials(write_card(tmp_path), lambda a, b: 30 - (a - b) ** 2, most=7)
    trials.cost = lambda params: (20, 1.0)
    batches, told = [], []

    def counted(*args):
        batches.append(ask(*args))
        return batches[-1]

    def tell(_, found):
        told.append(len(found.candidates))

    monkeypatch.setattr("bench.tune.search.ask", counted)
    monkeypatch.setattr("bench.tune.run.make_search", lambda _: made_search(trials, objectives(["psnr"])))
    request = asked(family, tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        run_search(request, tell)
    assert told == [1, 5] and len(batches) == 2
    trials.most = 10**9
    found = run_search(request, tell)
    assert told == [1, 5, 9, 12] and len(batches) == 2 + 3 and batches[2:4] == batches[:2]
    assert run_search(request, tell) == found and len(told) == 4 and batches[5:] == batches[2:5]


@pytest.mark.long
def test_workers_find_the_same(family, tmp_path):
    def found(root, workers, specs):
        requests = [asked(family, root, spec) for spec in specs]
        return {request.spec: one for request, one in run_searches(requests, workers, ignore)}

    one = found(tmp_path / "a", 1, ["ddrm", "ddnm"])
    assert found(tmp_path / "b", 2, ["ddnm", "ddrm"]) == one and len(one) == 2


def hold(folder, ready, end):
    """Works in a folder until it is told to end."""
    with alone(folder):
        ready.set()
        end.wait(60)


@pytest.mark.long
def test_a_second_search_in_a_folder_is_refused_at_once(family, tmp_path):
    request = asked(family, tmp_path)
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    other = context.Process(target=hold, args=(request.folder, ready, end))
    other.start()
    try:
        assert ready.wait(60)
        start = time.monotonic()
        with pytest.raises(
            StoreError, match=r"another search works in .*masks; wait for it, or choose another folder"
        ):
            run_search(request, ignore)
        assert time.monotonic() - start < 30 and not (request.folder / "journal").exists()
    finally:
        end.set()
        other.join()
    run_search(request, ignore)


def test_a_budget_below_one_candidate_is_refused_also_where_backward_passes_make_it_so(family, tmp_path):
    enough = asked(family, tmp_path, "ddrm", budget=2 * 3)
    assert len(run_search(enough, ignore).candidates) == 1
    with pytest.raises(
        SuiteError, match="dps, masks: a budget of 6 evaluations is below one candidate, which takes 12"
    ):
        run_search(asked(family, tmp_path, "dps", budget=2 * 3), ignore)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_that_fails_costs_itself_only(family, tmp_path, workers):
    """Its card is found wrong where the method is built."""
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "mine.yaml").write_text("search:\n  a: {low: -1, high: 2}\n")
    mine = str(tmp_path / "mine.py")
    requests = [asked(family, tmp_path / "out", spec) for spec in (mine, "ddrm")]
    found = {request.spec: one for request, one in run_searches(requests, workers, ignore)}
    assert "search.a leaves the range of the method" in found[mine].failure and found[mine].is_request
    assert not found[mine].candidates
    assert not found["ddrm"].failure and found["ddrm"].winners[0] is not None


def die(asked, found):
    """Kills the worker that tells of a search, as a machine without memory does."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt(asked, found):
    """Is Ctrl-C for the command, once, in searches that take long."""
    if asked.root.name == "0":
        os.kill(os.getppid(), signal.SIGINT)
    time.sleep(200)


@pytest.fixture
def interruptible():
    """Ctrl-C as in a terminal: what a shell starts in the background ignores it, and so would this."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.long
@pytest.mark.usefixtures("interruptible")
def test_an_interruption_ends_workers_too(family, tmp_path):
    """They have taken a further search each, which would run to its end first."""
    requests = [asked(family, tmp_path / str(k)) for k in range(4)]
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(run_searches(requests, 2, interrupt))
    assert time.monotonic() - start < 150


@pytest.mark.long
def test_a_worker_that_is_killed_is_a_failure_of_the_searches_that_had_not_ended(family, tmp_path):
    ((_, found),) = run_searches([asked(family, tmp_path)], 2, die)
    assert found.failure == "a worker died; what it recorded is kept: run again to go on"
