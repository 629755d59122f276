"""What a search would do is what it then does."""

import pytest

from bench.plan.options import make_options
from bench.suites.yamlfile import SuiteError
from bench.tune.families import families
from bench.tune.outlook import outlook
from bench.tune.request import SearchRequest
from bench.tune.run import run_search
from bench.tune.trials import Size
from tests.tiny import build


@pytest.mark.parametrize("spec", ["ddrm", pytest.param("dps", marks=pytest.mark.long)])
def test_the_outlook_holds(tmp_path, spec):
    (family,) = families([str(build(tmp_path))], ["box"], [], f"{tmp_path}/images.toml")
    options = make_options(pictures=0)
    asked = SearchRequest(spec, {}, family, ("psnr",), 4, 6, Size(2, 2, 1, 0), options, tmp_path / "out")
    before = outlook(asked)
    assert not (tmp_path / "out").exists(), "it writes nothing"
    found = run_search(asked, lambda *_: None)
    tried = [one.settings for one in found.candidates]
    assert before.tried == 0 and before.candidates == len(tried) and before.each * len(tried) == found.spent
    assert list(before.next) == tried[:5], "the start is known before"
    assert before.seconds > 0
    fresh = sum(bool(one.fresh) for one in found.candidates) * before.each
    assert fresh == before.fresh
    assert before.left == found.spent + fresh
    after = outlook(asked)
    assert (after.tried, after.candidates, after.left, after.next) == (len(tried), len(tried), 0, ())
    assert after.seconds == 0


@pytest.mark.long
def test_a_budget_below_one_candidate_is_refused_as_the_search_refuses_it(tmp_path):
    """DPS spends 16 evaluations where the first look counts 8, without backward passes."""
    (family,) = families([str(build(tmp_path))], ["box"], [], f"{tmp_path}/images.toml")
    options = make_options(pictures=0)
    asked = SearchRequest(
        "dps", {}, family, ("psnr",), 4, 1, Size(2, 2, 1, 0), options, tmp_path / "out", budget=8
    )
    with pytest.raises(SuiteError, match="a budget of 8 evaluations is below one candidate, which takes 16"):
        outlook(asked)
