"""Files of a run folder: where they are kept, and where they were."""

import numpy as np
import pytest

from bench.records.objects import Finder, find_file, read_arrays, spread


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


def test_arrays_of_a_damaged_file_are_none(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(1000.0), b=np.array("text"))
    whole = path.read_bytes()
    kept = read_arrays(path)
    assert kept is not None and kept["a"][-1] == 999 and kept["b"] == "text"
    flipped = whole[:100] + bytes(50) + whole[150:]
    for data in (b"", b"no file", whole[: len(whole) // 2], flipped):
        path.write_bytes(data)
        assert read_arrays(path) is None
    np.savez(path, a=np.array([{}], object))
    assert read_arrays(path) is None and read_arrays(tmp_path / "none.npz") is None
