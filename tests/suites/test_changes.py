"""What the command line makes of a suite."""

import pytest

from bench.suites.changes import at_most, override, with_operator
from bench.suites.suite import load_suite
from bench.suites.yamlfile import SuiteError
from tests.ours import SOLVERS


def test_command_line_selects_sets_and_sweeps():
    suite = load_suite("linear")
    labels = lambda *flags: [r.label for r in override(suite, flags, known=list(SOLVERS)).solvers]  # noqa: E731
    own = [row.label for row in suite.solvers if row.solver == "dps"]
    assert labels("dps") == own and own[-1] == "dps-1000" and len(own) > 2
    assert labels("dps-100", "pinv") == ["pinv", "dps-100"]
    assert labels("dps-100.zeta=1") == ["dps-100[zeta=1]"]
    assert labels("dps-100.zeta=1,2", "dps-100.clip=false") == [
        "dps-100[zeta=1,clip=False]",
        "dps-100[zeta=2,clip=False]",
    ]
    assert labels("dps-100", "dps-100.zeta=0.3,1") == ["dps-100", "dps-100[zeta=0.3]", "dps-100[zeta=1]"]
    assert labels("dps-100", "dps.zeta=1") == ["dps-100", *(f"{label}[zeta=1]" for label in own)]
    assert labels("dps-100.zeta=1", "dps-100.zeta=2") == labels("dps-100.zeta=1,2")
    assert labels("dps-100.zeta=1,2") == ["dps-100[zeta=1]", "dps-100[zeta=2]"]
    assert labels("dps-100.zeta=1,2", "dps-100.clip=false,true") == [
        f"dps-100[zeta={zeta},clip={clip}]" for zeta in (1, 2) for clip in (False, True)
    ]
    assert labels("pinv", "ddrm-20.eta=1") == ["pinv", "ddrm-20[eta=1]"]
    assert labels("pinv", "dps-100.zeta=1", "mine.py:Mine.k=2") == ["pinv", "dps-100[zeta=1]", "Mine[k=2]"]
    assert labels("a/mine.py:Mine.k=2") == ["Mine[k=2]"]
    assert labels("mine.py") == ["mine"]
    assert labels("v1.py:Mine", "v2.py:Mine", "pkg.v3:Mine", "v1.py:Mine") == [
        "Mine",
        "v2:Mine",
        "pkg.v3:Mine",
    ]
    assert labels("dps-*", "!dps-1000", "pinv") == ["pinv", *own[:-1]]
    rest = labels("!*-1000", "!*-50", "!*-33", "!*-20")
    assert "pinv" in rest and "dps-100" in rest and all(label.endswith("-100") for label in rest[1:])
    assert "dps-50" not in labels("!dps-*", "!*-50")
    assert labels("my1.py", "my[1].py") == labels("my[1].py", "my1.py")[::-1] == ["my1", "my[1]"]
    assert labels("dps-*.zeta=1", "!dps-1000") == [f"{label}[zeta=1]" for label in own[:-1]]
    assert labels("dps-100.zeta=1,2,1") == ["dps-100[zeta=1]", "dps-100[zeta=2]"]
    for flags, message in [
        (["dsp"], "did you mean 'dps'"),
        (["dps-100", "ddmr.eta=1"], "unknown solver 'ddmr' .did you mean 'ddrm'"),
        (["!dsp"], "--solver !dsp: no row of it .did you mean 'dps'"),
        (["!!dps"], "--solver !!dps: no row of it"),
        (["!dps.zeta=1"], "--solver !dps.zeta=1: expected !NAME"),
        (["*.py"], "unknown solver '..py'"),
        (["dsp-*"], r"--solver dsp-\*: no row of it .did you mean 'dps-50'.*; known: pinv, .*, [a-z_]+-20$"),
        (["dps-??.zeta=1", "dpp-?"], r"--solver dpp-\?: no row of it"),
        (["!*"], r"--solver !\*: no row is left"),
        (["dps", "!dps"], "--solver dps --solver !dps: no row is left"),
        (["dps.=3"], "expected NAME or NAME.param=value"),
        (["a/mine.py", "b/mine.py"], "two rows of one task are labelled 'mine'"),
    ]:
        with pytest.raises(SuiteError, match=message):
            labels(*flags)


def test_the_name_of_a_row_is_no_pattern():
    suite = load_suite("linear")
    starred = [suite.solvers[i].model_copy(update={"label": label}) for i, label in enumerate(("a*", "ab"))]
    suite = suite.model_copy(update={"solvers": tuple(starred)})
    assert [row.label for row in override(suite, ["a*"]).solvers] == ["a*"]
    assert [row.label for row in override(suite, ["!a*"]).solvers] == ["ab"]
    assert [row.label for row in override(suite, ["a?"]).solvers] == ["a*", "ab"]


def test_a_copy_gives_way_to_its_selected_original_only():
    suite = load_suite("linear")
    beside = override(suite, ["dps-100", "dps-100.zeta=2"], known=list(SOLVERS)).solvers
    assert [row.skip_duplicates for row in beside] == [False, True]
    (alone,) = override(suite, ["dps-100.zeta=2"], known=list(SOLVERS)).solvers
    assert not alone.skip_duplicates and alone.params["zeta"] == 2
    assert alone.where("zeta") == "--solver dps-100.zeta=2"


def test_command_line_restricts():
    suite = override(load_suite("linear"), (), ["blur_gauss"], images=3, seed=0)
    assert [t.name for t in suite.tasks] == ["blur_gauss"]
    assert suite.images == 3
    assert all(row.images is None for row in suite.solvers)
    names = lambda *tasks: [t.name for t in override(load_suite("linear"), (), tasks).tasks]  # noqa: E731
    assert names("!blur_*", "!inpaint_box") == ["inpaint_random", "sr_average4", "sr_bicubic4"]
    assert names("blur_*", "inpaint_box", "!*motion") == ["inpaint_box", "blur_gauss"]
    for tasks, message in [
        (["sr_*", "!sr_*"], r"--task sr_\* --task !sr_\*: no task is left"),
        (["!sr"], "--task !sr: unknown"),
    ]:
        with pytest.raises(SuiteError, match=message):
            names(*tasks)
    with pytest.raises(SuiteError, match=r"--task blur_gaus: unknown task \(did you mean 'blur_gauss'"):
        override(suite, (), ["blur_gaus"])


def test_another_operator_replaces_all_tasks_for_all_rows():
    suite = load_suite("linear")
    changed = with_operator(suite, "my.py:Blur", "Blur")
    (task,) = changed.tasks
    assert (task.name, task.operator, task.params) == ("Blur", "my.py:Blur", {})
    assert task.noise_std == suite.tasks[0].noise_std and task.where() == "--operator my.py:Blur"
    assert len(changed.solvers) == len(suite.solvers) and all(row.tasks is None for row in changed.solvers)


def test_no_more_images_than_there_are():
    suite = override(load_suite("linear"), ["pinv", "dps"])
    fewer = at_most(suite, 3)
    assert fewer.images == 3
    before, after = [row.images for row in suite.solvers], [row.images for row in fewer.solvers]
    assert after == [n and min(n, 3) for n in before] and None in before


def test_samples_of_the_command_line_hold_for_every_row():
    suite = load_suite("linear")
    rows = tuple(row.model_copy(update={"samples": 2}) for row in suite.solvers)
    changed = override(suite.model_copy(update={"solvers": rows}), samples=5)
    assert changed.samples == 5 and {row.samples for row in changed.solvers} == {None}
