"""Coil sensitivities: the physics of the simulated ones, and what a file may hold."""

import numpy as np
import pytest

from bench.operators.medical.coils import read_maps, simulated
from bench.system.supplied import Version


def test_simulated_coils_see_what_is_near():
    maps = simulated(4, (32, 32)).maps
    np.testing.assert_allclose((abs(maps) ** 2).sum(0), 1)
    right, bottom = (slice(12, 20), slice(28, 32)), (slice(28, 32), slice(12, 20))
    assert [abs(maps[(slice(None), *place)]).mean((1, 2)).argmax() for place in (right, bottom)] == [0, 1]
    assert (simulated(1, (4, 4)).maps == 1).all()


def test_coils_are_turned_copies_of_one():
    """A quarter turn of the image and the next coil: the same field, since each has its angle as a phase."""
    maps = simulated(4, (9, 9)).maps
    np.testing.assert_allclose(np.rot90(maps[0], -1), maps[1], atol=1e-12)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 3)), r"holds float64 \(2, 3\), not complex sensitivities"),
        (np.zeros((2, 3, 3), int), "holds int64"),
        (np.full((2, 3, 3), np.nan), "not finite"),
        (np.array([None]), "not an npy file that can be read"),
    ],
)
def test_files_that_hold_something_else(tmp_path, array, words):
    np.save(tmp_path / "maps.npy", array)
    with pytest.raises(ValueError, match=words):
        read_maps(Version(tmp_path / "maps.npy", 0, 0))
