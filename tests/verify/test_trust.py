"""What of the code that a manifest names may be imported."""

import pytest

from bench.suites.suite import Suite
from bench.system.code.reads import UserCodeError
from bench.verify.trust import Trust, users_code


def suite(solver="dps", operator="denoise", prior="fashion32"):
    task = {"name": "t", "operator": operator, "sigma": 0.1}
    rows = {"tasks": [task], "solvers": [{"solver": solver}]}
    return Suite.model_validate({"name": "s", "dataset": "fashion32", "prior": prior, "images": 1, **rows})


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "theirs" / "mine.py"
    path.parent.mkdir()
    path.write_text("")
    return path


def test_code_of_solvers_operators_and_priors_is_refused(code):
    for asked in (
        {"solver": f"{code}:Mine"},
        {"solver": str(code)},
        {"solver": "their.module:Mine"},
        {"operator": f"{code}:Blur"},
        {"prior": f"{code}:prior"},
        {"prior": f"azula:{code}:prior"},
        {"prior": "azula:their.module:prior"},
    ):
        with pytest.raises(UserCodeError, match="--trust-code runs it"):
            Trust().refuse(suite(**asked))
        Trust(everything=True).refuse(suite(**asked))


def test_what_is_ours_or_no_code_is_let_through(tmp_path):
    ours = [
        {},
        {"prior": "azula:adm/imagenet_256x256"},
        {"prior": "diffusers:google/ddpm"},
        {"prior": "exact-m2"},
    ]
    for asked in (*ours, {"prior": "net.toml"}, {"solver": f"{tmp_path}/gone.py:Mine"}):
        Trust().refuse(suite(**asked))
    assert not list(users_code(suite()))


def test_code_in_a_folder_that_the_user_names_is_let_through_but_not_a_link_out_of_it(code, tmp_path):
    asked = suite(solver=f"{code}:Mine")
    Trust(folders=[code.parent]).refuse(asked)
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.py").symlink_to(code)
    for spec in (f"{own}/mine.py:Mine", f"{own}/../theirs/mine.py"):
        with pytest.raises(UserCodeError):
            Trust(folders=[own]).refuse(suite(solver=spec))
