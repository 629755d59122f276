"""What --suite, --task and --solver select of the records of a folder."""

import pytest

from bench.records.manifest import RunManifest
from bench.suites.suite import SuiteError
from bench.verify.wanted import Wanted, suite_name
from tests.made_record import make

RECORDS = [
    make(0, task="box", label="dps", params={"steps": 4}),
    make(1, task="box", label="dps[steps=9]", params={"steps": 9}),
    make(2, task="blur", label="ddrm", solver="ddrm", suite="other"),
]
RUNS = [RunManifest(suite="s"), RunManifest(suite="other")]


def images(**wanted):
    return [record.image for record in Wanted(**wanted).among(RECORDS, RUNS)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["im0", "im1", "im2"]),
        ({"suite": "other"}, ["im2"]),
        ({"suite": "linear"}, ["im0", "im1", "im2"]),
        ({"solvers": ["dps.steps=9"]}, ["im1"]),
        ({"tasks": ["box"], "solvers": ["dps.steps=4"]}, ["im0"]),
    ],
)
def test_records_are_selected(wanted, found):
    """A suite that no record is of, such as a renamed one, may know all of them."""
    assert images(**wanted) == found


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"tasks": ["bax"]}, r"--task bax: no record of it \(did you mean 'box'\?\); recorded: box, blur"),
        ({"solvers": ["daps"]}, "--solver daps: no record of it"),
        ({"suite": "tny"}, "unknown suite 'tny'"),
    ],
)
def test_what_selects_nothing_is_refused(wanted, message):
    with pytest.raises(SuiteError, match=message):
        images(**wanted)


def test_a_suite_of_manifests_need_not_be_ours():
    assert suite_name("other", RUNS) == "other" and suite_name("linear", RUNS) == "linear"
