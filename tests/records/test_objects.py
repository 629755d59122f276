"""Files of a run folder: where they are kept, and where they were."""

import pytest

from bench.records.objects import Finder, find_file, spread


@pytest.mark.parametrize(
    ("name", "place"),
    [("ab12.png", "ab/ab12.png"), ("truth/cd.npy", "truth/cd/cd.npy")],
)
def test_a_file_lies_by_the_first_two_letters_of_its_name(name, place):
    assert spread(name) == place


def test_both_layouts_are_found_in_the_first_folder_that_has_the_file(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for path in (two / "truth/ab1.png", one / "truth/cd/cd1.png", two / "truth/cd/cd1.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (one / "ef1.png").mkdir(parents=True)
    for find in (Finder([one, two]), lambda name: find_file([one, two], name)):
        assert find("truth/ab1.png") == two / "truth" / "ab1.png"
        assert find("truth/cd1.png") == one / "truth" / "cd" / "cd1.png"
        assert find("truth/ef1.png") is find("ef1.png") is None
        assert find("cd1.png") is None, "it lies in another folder"
