"""A user's classes are imported by name, and hashed with all that they import from beside their file."""

import sys

import pytest

from bench.system.code.user_code import (
    UserCodeError,
    is_user_code,
    load_class,
    members,
    module_sha256,
    source_sha256,
)

HELPED = """
from abc import abstractmethod
from decimal import Decimal

import helper_of_mine


class Whole(Decimal):
    pass


class Unfinished(Whole, metaclass=__import__("abc").ABCMeta):
    @abstractmethod
    def solve(self): ...
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A user's file of two classes, and its helper beside it; both are forgotten afterwards."""
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "helper_of_mine.py").write_text("SCALE = 2\n")
    (tmp_path / "mine.py").write_text(HELPED)
    return tmp_path / "mine.py"


def test_names_of_the_users_are_told_from_ours():
    assert is_user_code("mine.py") and is_user_code("pkg.mod:Class") and not is_user_code("dps")


def test_a_class_is_found_by_its_name(file):
    cls, module = load_class(f"{file}:Whole", object)
    assert cls.__name__ == "Whole" and module.helper_of_mine.SCALE == 2
    assert load_class("collections:OrderedDict", dict)[0].__module__ == "collections"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{file}", "mine.py defines 2 objects .Whole, Unfinished.; name one as .*mine.py:Class"),
        ("{file}:Whol", "no 'Whol' in .*did you mean 'Whole'"),
        ("{file}:abstractmethod", "'abstractmethod' is not a class derived from builtins.object"),
        ("{file}s.py", "no such file"),
        ("no.such.module:Class", "cannot import it: ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_loaded_is_one_clear_line(file, name, message):
    with pytest.raises(UserCodeError, match=message) as caught:
        load_class(name.format(file=file), object)
    assert "\n" not in str(caught.value)


def test_an_error_and_an_exit_while_importing_are_refusals(file):
    for line in ("1 / 0", "raise SystemExit"):
        file.write_text(line)
        with pytest.raises(UserCodeError, match="cannot import it"):
            load_class(str(file), object)


def test_members_are_the_finished_classes(file):
    assert members(str(file), object) == [f"{file}:Whole"]
    assert members(f"{file}:Any", object) == [f"{file}:Any"]
    with pytest.raises(UserCodeError, match="defines no class derived from list or set"):
        members(str(file), list, set)
    file.write_text(HELPED.replace("class Whole(Decimal):\n    pass", "Whole = Decimal"))
    assert members(str(file), object) == [f"{file}:Unfinished"], "abstract ones where there is no other"


def test_a_hash_covers_what_is_imported_and_no_comment(file):
    def hashes():
        for name in ("helper_of_mine", *(name for name in sys.modules if name.startswith("user_code_mine"))):
            sys.modules.pop(name, None)
        cls, module = load_class(f"{file}:Whole", object)
        return source_sha256(cls), module_sha256(module)

    first = hashes()
    assert first[0] == first[1] is not None
    file.write_text(f"# a comment\n{HELPED}")
    assert hashes() == first
    (file.parent / "helper_of_mine.py").write_text("SCALE = 3\n")
    assert hashes()[0] != first[0]
    assert source_sha256(dict) is None and module_sha256(sys) is None, "not the user's"
