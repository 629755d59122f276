"""What a search is asked for: the budget, its folder, and what cannot be asked."""

import pytest

from bench.plan.options import make_options
from bench.suites.yamlfile import SuiteError
from bench.tune.families import families
from bench.tune.request import SearchRequest, check_request
from bench.tune.trials import Size


def asked(tmp_path, suite="linear", family="masks", objectives=("psnr",), fixed=None, **changes):
    (found,) = families([suite], [], [family])
    size = Size(16, 32, 1, 0)
    return SearchRequest(
        "ddrm", fixed or {}, found, objectives, 100, 12, size, make_options(), tmp_path, **changes
    )


def test_the_budget_is_that_of_candidates_without_backward_passes(tmp_path):
    """Two tasks of masks; a fixed number of steps leaves it alone."""
    assert (
        asked(tmp_path).evaluations == 12 * 16 * 2 * 100 == asked(tmp_path, fixed={"steps": 20}).evaluations
    )
    assert asked(tmp_path, budget=5000).evaluations == 5000
    sets = asked(tmp_path, "exact", "d8-m2-s0.2")
    assert sets.evaluations == 12 * 16 * 1000 * 100, "1000 samples a problem"


def test_searches_of_one_method_with_other_fixed_parameters_have_other_folders(tmp_path):
    plain, fixed = asked(tmp_path), asked(tmp_path, fixed={"eta": 0.5, "steps": 20})
    assert plain.folder == tmp_path / "ddrm" / "masks" and plain.name == "ddrm, masks"
    assert fixed.folder == tmp_path / "ddrm-eta=0.5-steps=20" / "masks"


def test_what_cannot_be_asked(tmp_path):
    check_request(asked(tmp_path, fixed={"steps": 20}, budget=32 * 20))
    with pytest.raises(
        SuiteError, match="ddrm, masks: a budget of 3199 evaluations is below one candidate, which"
    ):
        check_request(asked(tmp_path, budget=3199))
    with pytest.raises(
        SuiteError, match="objective mmd: task inpaint_box, inpaint_random has it not; it has psnr, s"
    ):
        check_request(asked(tmp_path, objectives=("mmd",)))
    with pytest.raises(SuiteError, match=r"objective lpips: task d8-m2-s0.2 has it not; it has mmd"):
        check_request(asked(tmp_path, "exact", "d8-m2-s0.2", ("lpips",)))
