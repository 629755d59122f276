"""What --task and --solver select."""

import pytest

from bench.report.selection.rows import Rows, is_called
from bench.suites.suite import SuiteError
from tests.made_record import make

RECORDS = [
    make(0, task="box", label="dps-4", params={"steps": 4}),
    make(1, task="box", label="dps-4[steps=9]", params={"steps": 9}),
    make(2, task="blur", label="ddrm", solver="ddrm"),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [0, 1, 2]),
        ({"tasks": ["b*", "!box"]}, [2]),
        ({"solvers": ["dps"]}, [0, 1]),
        ({"solvers": ["d*s-*"]}, [0, 1]),
        ({"solvers": ["!dps"]}, [2]),
        ({"solvers": ["d*", "!ddrm"]}, [0, 1]),
        ({"solvers": ["dps.steps=9"]}, [1]),
        ({"solvers": ["dps.steps=4,9", "ddrm"]}, [0, 1, 2]),
        ({"solvers": ["!dps.steps=9"]}, [0, 2]),
        ({"solvers": ["d*", "!dps.steps=4", "!dps-4.steps=9"]}, [2]),
        ({"solvers": ["dps.steps=4,5"]}, [0]),
        ({"solvers": ["dps-4[steps=9]"]}, [1]),
        ({"solvers": ["!dps-4[steps=9]"]}, [0, 2]),
    ],
)
def test_records_are_selected(wanted, found):
    assert Rows(**wanted).among(RECORDS) == [RECORDS[i] for i in found]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"tasks": ["bax"]}, r"--task bax: no record of it \(did you mean 'box'\?\); recorded: box, blur"),
        ({"tasks": ["!box", "!blur"]}, "no task is left"),
        ({"solvers": ["daps"]}, "--solver daps: no record of it"),
        ({"solvers": ["d*", "!d*"]}, "no row is left"),
        ({"tasks": ["box"], "solvers": ["ddrm"]}, "--solver ddrm: no record of it"),
        ({"solvers": ["!!dps"]}, "--solver !!dps: no record of it"),
        (
            {"solvers": ["ddrm", "dps.stps=4"]},
            r"no record of it has a parameter 'stps' \(did you mean 'steps'",
        ),
        ({"solvers": ["!dps.stps=4"]}, "--solver !dps.stps=4: no record of it has a parameter 'stps'"),
        ({"solvers": ["ddrm", "dps.steps=5"]}, "no record of it has such a value; recorded: 4, 9"),
        ({"solvers": ["!dps.steps=5,6"]}, "--solver !dps.steps=5,6: no record of it has such a value"),
    ],
)
def test_what_selects_nothing_is_refused(wanted, message):
    with pytest.raises(SuiteError, match=message):
        Rows(**wanted).among(RECORDS)


def test_rows_are_called_by_label_solver_or_file():
    assert is_called("dps", RECORDS[1]) and is_called("dps-4[steps=9]", RECORDS[1])
    assert is_called("mine.py:Mine", make(solver="Mine", label="Mine[k=2]"))
    assert not is_called("ddrm", RECORDS[0]) and not is_called("!dps", RECORDS[0])


def test_rows_without_records_are_asked_for_by_label():
    assert Rows().asks_for("later") and Rows(["l*"]).asks_for("later[a=1]")
    assert not Rows(["!later"]).asks_for("later") and not Rows(["dps.a=1"]).asks_for("later")
    assert Rows(["!later.a=1"]).asks_for("later")
    assert Rows(["dps-4[steps=9]", "later"]).asks_for("later")
