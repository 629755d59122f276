"""Manifests that say what was asked come first, the newest at the front; then suites as they are now."""

from dataclasses import replace

import pytest

from bench.plan.options import Options
from bench.plan.request import make_request
from bench.records.manifest import RowEntry, RunManifest, TaskEntry
from bench.suites.suite import SuiteError, load_suite
from bench.verify.sources import find_again, is_lost, name_of, places_of, sources
from bench.verify.wanted import Wanted
from tests.made_record import make

EXACT = load_suite("exact")
TASK = "d2-m1-s0.2"
OLD = RunManifest(
    suite="exact",
    dataset="exact-mixture8",
    seed=0,
    tasks=(TaskEntry(name=TASK, dataset="exact-mixture2"), TaskEntry(name="d8-m2-s0.2")),
    rows=(RowEntry(label="exact", cells={TASK: "c1", "d8-m2-s0.2": "c2"}),),
)
NEW = replace(OLD, asked=make_request(EXACT, Options(dtype="float64")), data_root="/data")
RECORDS = [
    make(0, cell="c1", dataset="exact-mixture2", task=TASK, label="exact", suite="exact", solver="exact")
]


def test_a_cell_is_named_with_the_data_set_of_its_task():
    assert places_of(OLD) == {
        ("c1", "exact-mixture2"): ("exact", TASK),
        ("c2", "exact-mixture8"): ("exact", "d8-m2-s0.2"),
    }
    assert name_of(RECORDS[0]) == ("c1", "exact-mixture2")


def test_what_was_asked_is_narrowed_to_what_is_of_interest():
    (source,) = sources([NEW], RECORDS, Wanted(), batch=3)
    suite, options = source.make({("c1", "exact-mixture2"): ("exact", TASK)})
    assert [row.label for row in suite.solvers] == ["exact"] and [row.name for row in suite.tasks] == [TASK]
    assert (options.dtype, options.batch, str(options.data_root)) == ("float64", 3, "/data")
    assert source.places == places_of(NEW)


def test_a_folder_given_now_wins():
    (source,) = sources([NEW], RECORDS, Wanted(), data_root="/elsewhere")
    assert str(source.make(source.places)[1].data_root) == "/elsewhere"


def test_old_manifests_are_made_by_the_suite_as_it_is():
    asked, current = sources([OLD, NEW], RECORDS, Wanted())
    assert asked.places == places_of(NEW)
    suite, options = current.make(current.places)
    assert current.places == {("c1", "exact-mixture2"): ("exact", TASK)}
    assert suite.name == "exact" and options.dtype == "float32", "that of the records"


def test_another_suite_may_be_wanted():
    (source,) = sources([NEW], RECORDS, Wanted("exact-full", tasks=["no-such-*"]))
    with pytest.raises(SuiteError, match="suite 'exact-full' has no such task now"):
        source.make(source.places)


def test_a_users_file_that_is_gone_is_looked_for(tmp_path):
    """One that is there stays, as do names of ours and modules; the first folder that has the file wins."""
    here, gone = tmp_path / "my folder" / "mine.py", tmp_path / "gone" / "mine.py"
    here.parent.mkdir()
    here.write_text("")
    folders = [tmp_path, here.parent]
    assert find_again(f"{gone}:Mine", folders) == f"{here}:Mine"
    assert find_again(str(gone), folders) == str(here)
    for spec in (f"{here}:Mine", f"{gone}:Mine", "dps", "pkg.mod:Mine"):
        assert find_again(spec, [tmp_path]) == spec
    assert [is_lost(spec) for spec in (f"{gone}:Mine", f"{here}:Mine", "dps", "pkg.mod:Mine")] == [
        True,
        False,
        False,
        False,
    ]
