"""Kept pictures and error maps."""

import numpy as np
import pytest
from PIL import Image

from bench.report.figures.pictures.shots import (
    BRIGHTER,
    DARKER,
    FULL,
    SAME,
    error_map,
    first_shot,
    ramp,
    truth,
)
from bench.report.tables import build
from tests.made_run import record, records


def flat(*values):
    return Image.fromarray(np.array([[values]], dtype=np.uint8).repeat(2, axis=0))


def test_the_map_shows_where_a_picture_is_brighter_and_darker():
    true = flat(100, 100, 100)
    for ours, colour in ((100, SAME), (100 + FULL, BRIGHTER), (0, None)):
        found = np.asarray(error_map(flat(ours, ours, ours), true))[0, 0]
        if colour:
            assert tuple(found) == colour
        else:
            assert found[2] > found[0], "blue"
    assert error_map(Image.new("RGB", (1, 1)), true) is None


def test_the_ramp_is_symmetric_steeper_near_zero_and_ends():
    shares = np.array([-2, -1, -0.25, 0, 0.25, 1, 2])
    colours = ramp(shares).astype(int)
    assert tuple(colours[0]) == tuple(colours[1]) == DARKER and tuple(colours[-1]) == BRIGHTER
    assert tuple(colours[3]) == SAME
    half = (np.array(SAME) + np.array(BRIGHTER)) / 2
    assert colours[4] == pytest.approx(half, abs=1), "the square root of a quarter is a half"


def test_the_first_sample_that_was_kept_is_shown(tmp_path):
    [table] = build([*records(), record("best", 0, sample=1, psnr=1.0, key="again")], [])
    [row] = [row for row in table.rows if row.name == "best"]
    picture = tmp_path / "p.png"
    Image.new("L", (2, 2)).save(picture)
    kept = row.solved["0"][1].key
    shot = first_shot(row, "0", lambda name: picture if kept in name else None)
    assert shot.record.key == kept and shot.image.mode == "RGB"
    assert first_shot(row, "0", lambda name: None) is None and truth(table, "0", lambda name: None) is None
