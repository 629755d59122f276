"""What is read of trajectories: quartiles over images, in passes, and nothing of what is damaged."""

import numpy as np
import pytest

from bench.report import Pictures, render
from bench.report.tables import build
from bench.report.trajectories.kept import KeptTrajectories, load, mean, read, steps, summary
from tests.made_run import N, record


def test_quartiles_are_over_images_at_passes_with_backward_ones(walked):
    _, table, find = walked
    found = read(table, find)
    assert [one.row for one in found.rows] == ["best", "worse"] and found.damaged == 0
    best = found.rows[0]
    assert best.passes.tolist() == [2, 4, 6, 8, 10, 12, 14, 16] and best.metrics == ["psnr", "misfit"]
    expected = np.quantile(np.arange(N) + 3.0, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(best.quartiles["psnr"][2], expected)
    assert best.images["4"]["psnr"].tolist() == [5, 6, 7, 8, 9, 10, 11, 12]


def test_a_folder_without_trajectories_is_not_searched(tmp_path, walked):
    class Untouched(Pictures):
        def __call__(self, name):
            raise AssertionError(name)

    assert read(walked[1], Untouched([tmp_path / "none"])) == KeptTrajectories()


def test_an_image_that_ended_early_stays_where_it_ended():
    short = {"nfe": [1, 2], "vjps": [0, 0], "psnr": [10, 20], "misfit": [2, 1]}
    long = {"nfe": [1, 2, 3], "vjps": [0, 0, 0], "psnr": [12, 16, 30], "misfit": [2, 1, 1]}
    images = {
        name: {k: np.array(v, float) for k, v in one.items()} for name, one in {"a": short, "b": long}.items()
    }
    one = summary("row", images)
    assert one.passes.tolist() == [1, 2, 2.5]
    assert one.quartiles["psnr"][:, 1].tolist() == [11, 18, 25]
    assert mean(list(images.values()))["psnr"].tolist() == [11, 18, 25]


@pytest.mark.parametrize(
    "arrays",
    [
        {"nfe": np.ones(2), "vjps": np.ones(2), "psnr": np.ones(2)},
        {"nfe": np.ones(2), "vjps": np.ones(2), "psnr": np.ones(3), "misfit": np.ones(2)},
        {"nfe": np.ones((2, 2)), "vjps": np.ones((2, 2)), "psnr": np.ones((2, 2)), "misfit": np.ones((2, 2))},
        {"nfe": np.ones(0), "vjps": np.ones(0), "psnr": np.ones(0), "misfit": np.ones(0)},
        {name: np.float64(1) for name in ("nfe", "vjps", "psnr", "misfit")},
        {name: np.array(["x"]) for name in ("nfe", "vjps", "psnr", "misfit")},
        {name: np.array([{}], object) for name in ("nfe", "vjps", "psnr", "misfit")},
    ],
)
def test_a_file_that_is_no_trajectory_is_none(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    assert load(tmp_path / "a.npz") is None


def test_damaged_files_are_counted(walked):
    folder, table, find = walked
    first = next(row for row in table.rows if row.name == "best").records[0]
    path = folder / "objects" / "trajectory" / first.key[:2] / f"{first.key}.npz"
    whole = path.read_bytes()
    for data in (b"", b"no file", whole[: len(whole) // 2]):
        path.write_bytes(data)
        found = read(table, find)
        assert found.damaged == 1 and len(found.rows[0].images) == N - 1
    page, *_ = render(folder, folder.parent / "out", ["md"])
    assert "**1 damaged file of trajectories below objects/**, shown as not kept." in page.read_text()


def test_samples_of_one_y_are_averaged(tmp_path):
    found = [record("best", 0, sample=k) for k in (0, 1)]
    place = tmp_path / "objects" / "trajectory"
    for k, r in enumerate(found):
        (place / r.key[:2]).mkdir(parents=True, exist_ok=True)
        values = {"nfe": [1], "vjps": [0], "psnr": [10.0 + k], "misfit": [1.0]}
        np.savez(place / r.key[:2] / f"{r.key}.npz", **values)
    (table,) = build(found, [])
    (one,) = read(table, Pictures([tmp_path])).rows
    assert one.images["0"]["psnr"].tolist() == [10.5] and len(one.images) == 1


def test_few_steps_have_the_first_and_the_last():
    assert steps(5, 40).tolist() == [0, 1, 2, 3, 4]
    found = steps(1000, 40)
    assert found[0] == 0 and found[-1] == 999 and len(found) <= 40 and (np.diff(found) > 0).all()
