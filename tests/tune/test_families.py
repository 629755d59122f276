"""Families of tasks, and images that no suite evaluates."""

import pytest

from bench.suites.suite import list_suites, load_suite
from bench.suites.yamlfile import SuiteError
from bench.tune.families import evaluated, families


def test_the_tasks_of_our_suites_are_five_families_on_other_images():
    found = {family.name: family for family in families(["linear", "nonlinear"], [], [])}
    assert {name: [task.name for task in family.tasks] for name, family in found.items()} == {
        "masks": ["inpaint_box", "inpaint_random"],
        "super-resolution": ["sr_average4", "sr_bicubic4"],
        "blur": ["blur_gauss", "blur_motion"],
        "hdr": ["hdr"],
        "phase": ["phase_retrieval"],
    }
    assert {family.dataset for family in found.values()} == {"fashion32_tune"}
    exact = families(["exact"], ["d*"], [])
    assert [family.name for family in exact] == ["d2-m1-s0.2", "d8-m2-s0.2"], (
        "a task of sets is its own family"
    )
    assert {(f.dataset, f.prior) for f in exact} == {
        (name, name) for name in ("exact-mixture2-tune", "exact-mixture8-tune")
    }


def test_what_is_found_for_one_task_is_not_for_its_family():
    """A search that leaves out the others writes settings under the name of that task."""
    (box,) = families(["linear"], ["inpaint_box"], [])
    assert (box.name, box.pattern) == ("masks", "inpaint_box")
    (masks,) = families(["linear"], ["inpaint_*"], [])
    (hdr,) = families(["nonlinear"], ["hdr"], [])
    assert (masks.pattern, hdr.pattern) == ("inpaint_*", "hdr")


def test_images_of_a_suite_of_one_s_own_are_evaluated_too(tmp_path):
    suite = tmp_path / "mine.yaml"
    text = (
        "name: mine\ndataset: {}\nprior: fashion32\nimages: 4\nsolvers: [{{solver: pinv}}]\n"
        "tasks: [{{name: box, operator: inpaint_box, sigma: 0.05}}]\n"
    )
    suite.write_text(text.format("photos"))
    with pytest.raises(
        SuiteError, match="'photos', which suite 'mine' evaluates, has no images that are kept"
    ):
        families([str(suite)], [], [])
    assert [family.dataset for family in families([str(suite)], [], [], "photos")] == ["photos"], "by choice"
    for name in ("fashion32_tune", "folder/photos_tune.toml"):
        suite.write_text(text.format(name))
        assert [family.dataset for family in families([str(suite)], [], [])] == [name]
    suite.write_text(text.format("exact-mixture4"))
    assert [family.dataset for family in families([str(suite)], [], [])] == ["exact-mixture4-tune"]


def test_another_prior_is_that_of_all_tasks_but_those_with_their_own():
    linear = families(["linear"], [], [], prior="mine.py:prior")
    assert {family.prior for family in linear} == {"mine.py:prior"}
    exact = families(["exact"], ["d2-*"], [], prior="fashion32")
    assert [family.prior for family in exact] == ["exact-mixture2-tune"]


def test_no_images_that_a_suite_evaluates_are_ever_tuned_on():
    for name in list_suites():
        try:
            made = families([name], [], [])
        except SuiteError as error:
            assert "has no images that are kept for tuning; name some by --dataset" in str(error)
            continue
        assert not {task.dataset for family in made for task in family.tasks} & evaluated().keys()
    assert {"fashion32", "exact-mixture8", load_suite("ffhq-linear").dataset} <= evaluated().keys()
    with pytest.raises(
        SuiteError, match="data set 'fashion32' is what suite 'demo' evaluates; tune on others"
    ):
        families(["linear"], [], [], "fashion32")


@pytest.mark.parametrize(
    ("tasks", "wanted", "message"),
    [
        (["hrd"], [], r"--task hrd: unknown task \(did you mean 'hdr'\?\)"),
        ([], ["mask"], r"--family mask: no such family of tasks here \(did you mean 'masks'\?\)"),
        (["hdr", "!hdr"], [], "no task is left"),
        (["hdr"], ["masks"], "--family masks: no such family of tasks here; known: hdr"),
    ],
)
def test_what_there_is_not_is_named(tasks, wanted, message):
    with pytest.raises(SuiteError, match=message):
        families(["linear", "nonlinear"], tasks, wanted)
