"""Sets of features: blocks, moments and modes against independent computations; FID and KID against a
reference, end to end."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from bench.cli import cli
from bench.data import load_dataset
from bench.metrics import fid_stats
from bench.metrics.fid_stats import describe_fid_stats, make_fid_stats
from bench.plan.manifest import about_sets
from bench.stats import distances as stats
from bench.stats import features
from bench.stats.distances import frechet_distance, kernel_distance
from bench.stats.features import FeatureFiles, Moments, evenly, read_statistics
from tests.made_run import asked, cell_of, make_run, record, report

RNG = np.random.default_rng


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class FakeInception:
    """Eight numbers of each image, without weights."""

    def __init__(self, device="cpu", mode="legacy_pytorch"):
        self.shift = float(mode == "clean")

    def __call__(self, x):
        return torch.stack([x.flatten(1)[:, k::37].mean(1) for k in range(8)], 1) + self.shift


class Images:
    """Random images, drawn when they are asked for."""

    name, shape, card_sha256 = "many", (1, 16, 16), "c" * 64

    def __init__(self, n):
        self.ids = [f"{i:05d}" for i in range(n)]

    def image(self, image):
        return torch.from_numpy(RNG(int(image)).uniform(-1, 1, self.shape)).float()

    def image_sha256(self, image):
        return f"{int(image):064x}"


def test_moments_of_blocks_are_those_of_the_whole():
    rows = RNG(0).normal(5, [1, 2, 3], (70, 3)) @ RNG(1).normal(size=(3, 3)) + 1e4
    moments = Moments(3)
    for start, stop in ((0, 1), (1, 30), (30, 70)):
        moments.add(rows[start:stop])
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(rows, rowvar=False), rtol=1e-9)


def test_distances_of_files_are_those_of_arrays(tmp_path, monkeypatch):
    """More rows than dimensions and several blocks; and fewer rows than dimensions."""
    monkeypatch.setattr(features, "ROWS_AT_ONCE", 7)
    for d in (5, 40):
        sets = [RNG(k).normal(k, 1 + k, (30, d)).astype(np.float16) for k in range(2)]
        files = []
        for k, rows in enumerate(sets):
            paths = [tmp_path / f"{d}-{k}-{i}.npy" for i in range(len(rows))]
            for path, row in zip(paths, rows, strict=True):
                np.save(path, row)
            files.append(FeatureFiles(paths))
        assert frechet_distance(*files) == pytest.approx(frechet_distance(*sets), rel=1e-9)
        assert kernel_distance(*files, paired=True) == kernel_distance(*sets, paired=True)


def test_large_sets_give_evenly_spread_rows_to_the_kernel_distance(monkeypatch):
    a, b = RNG(0).normal(size=(50, 4)), RNG(1).normal(size=(33, 4))
    monkeypatch.setattr(stats, "MOST", 10)
    expected = kernel_distance(a[::5], b[np.arange(10) * 33 // 10])
    assert kernel_distance(a, b) == expected
    assert evenly(7, 10).tolist() == list(range(7)) and len(set(evenly(33, 10))) == 10


class Drawn:
    """Rows that exist only while they are asked for."""

    def __init__(self, n, d=64):
        self.shape = (n, d)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        rows = np.arange(len(self))[index]
        return np.sin(rows[:, None] * np.linspace(0.1, 1.7, self.shape[1])).astype(np.float16)


def peak(call, *args):
    tracemalloc.start()
    call(*args)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_does_not_grow_with_the_number_of_images(monkeypatch):
    monkeypatch.setattr(stats, "MOST", 500)
    monkeypatch.setattr(stats, "CHUNK", 2**16)
    for distance in (frechet_distance, kernel_distance):
        few, many = (peak(distance, Drawn(n), Drawn(n)) for n in (3_000, 24_000))
        assert many < 1.3 * few + 400_000, (distance.__name__, few, many)  # 24,000 rows are 12 MB in float64


def test_statistics_are_those_of_all_images_and_are_made_once(home, monkeypatch):
    monkeypatch.setattr(fid_stats, "Inception", FakeInception)
    monkeypatch.setattr(fid_stats, "MOST", 6)
    data, seen = Images(20), []
    path = make_fid_stats(data, "clean", batch=7, progress=seen.append)
    assert (
        seen == [7, 14, 20]
        and path.parent == home / "reference"
        and [p.name for p in path.parent.iterdir()] == [path.name]
    )
    rows = (
        FakeInception(mode="clean")(torch.stack([data.image(i) for i in data.ids]))
        .numpy()
        .astype(np.float16)
        .astype(float)
    )
    found = read_statistics(describe_fid_stats(data)["list"], "clean")
    np.testing.assert_allclose(found.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(rows, rowvar=False), rtol=1e-9)
    np.testing.assert_array_equal(found.rows, rows[np.arange(6) * 20 // 6])
    ours = RNG(0).normal(size=(12, 8))
    gaussian = stats.GaussianFit(found.mean, found.root)
    assert frechet_distance(ours, gaussian) == pytest.approx(frechet_distance(ours, rows), rel=1e-9)
    assert kernel_distance(ours, found.rows, within_b=found.within) == pytest.approx(
        kernel_distance(ours, found.rows)
    )
    monkeypatch.setattr(fid_stats, "Inception", None)
    assert make_fid_stats(data, "clean") == path
    other = Images(19)
    assert describe_fid_stats(other)["list"] != describe_fid_stats(data)["list"]
    with pytest.raises(ValueError, match="'many' has 2"):
        make_fid_stats(Images(2), "clean")


class Others(Images):
    """The same list of other pixels, in one image or in all."""

    def __init__(self, n, changed):
        super().__init__(n)
        self.changed = self.ids[changed]

    def image(self, image):
        return -super().image(image) if image in self.changed else super().image(image)

    def image_sha256(self, image):
        return "f" + super().image_sha256(image)[1:] if image in self.changed else super().image_sha256(image)


@pytest.mark.parametrize("changed", [slice(None), slice(1, 2)])
def test_statistics_of_other_pixels_are_made_again(home, monkeypatch, changed):
    """Another folder behind the same card; or one image that the sample does not have."""
    monkeypatch.setattr(fid_stats, "Inception", FakeInception)
    monkeypatch.setattr(fid_stats, "SAMPLE", 4)
    data, others, said = Images(20), Others(20, changed), []
    path = make_fid_stats(data, "clean", say=said.append)
    assert describe_fid_stats(data)["list"] == describe_fid_stats(others)["list"]
    assert (describe_fid_stats(data) == describe_fid_stats(others)) == (changed == slice(1, 2))
    before = read_statistics(describe_fid_stats(data)["list"], "clean")
    assert make_fid_stats(data, "clean", say=said.append) == path and not said
    assert make_fid_stats(others, "clean", say=said.append) == path
    after = read_statistics(describe_fid_stats(data)["list"], "clean")
    assert not np.array_equal(before.mean, after.mean)
    assert said == ["the statistics of many that are there are of other pixels: they are made again"]


def test_a_run_refuses_statistics_of_other_pixels(home, monkeypatch, tmp_path):
    """Also where a number of the run's own pixels was cached: the two are told apart."""
    monkeypatch.setattr(fid_stats, "Inception", FakeInception)
    found, data = [record("best", i) for i in range(12)], Images(20)

    def page(data, folder, about):
        folder = make_run(
            tmp_path / folder, found, manifests=[asked(["best"], sets={"mode": "clean", "reference": about})]
        )
        (folder / "features-clean").mkdir()
        for i, r in enumerate(found):
            np.save(folder / "features-clean" / f"{r.key}.npy", RNG(i).normal(size=8).astype(np.float16))
        return report(folder, tmp_path / "out")

    make_fid_stats(data, "clean")
    _, rows = page(data, "own", describe_fid_stats(data))
    assert rows["best"]["fid"]
    refused, rows = page(data, "other", describe_fid_stats(Others(20, slice(None))))
    assert not rows["best"]["fid"]
    assert "are of other pixels than the run" in refused
    assert "python -m bench fid-stats --dataset many --mode clean" in refused
    old = {k: v for k, v in describe_fid_stats(data).items() if k != "sample"}
    assert page(data, "old", old)[1]["best"]["fid"], "a manifest of before names no pixels"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive", None])
def test_damaged_statistics_are_made_again(home, monkeypatch, content):
    monkeypatch.setattr(fid_stats, "Inception", FakeInception)
    data = Images(5)
    path = make_fid_stats(data, "clean")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert read_statistics(describe_fid_stats(data)["list"], "clean") is None
    assert (
        make_fid_stats(data, "clean") == path
        and read_statistics(describe_fid_stats(data)["list"], "clean").about["n"] == 5
    )


def test_memory_does_not_grow_with_the_images_of_the_statistics(home, monkeypatch):
    """Features of a thousand dimensions as arrays, so that the meter sees them; 600 of them are 5 MB in
    float64."""

    class Wide(FakeInception):
        def __call__(self, x):
            return torch.from_numpy(np.resize(x.numpy(), (len(x), 1000)))

    monkeypatch.setattr(fid_stats, "Inception", Wide)
    monkeypatch.setattr(fid_stats, "MOST", 20)
    _, few, many = (peak(lambda n=n: make_fid_stats(Images(n), "clean", batch=20)) for n in (39, 40, 640))
    assert many < few + 300_000, (few, many)


def test_a_run_is_compared_with_its_statistics(home, monkeypatch, tmp_path):
    """The report takes the mode's features and the list's statistics, says so, and needs neither once the
    number is cached."""
    monkeypatch.setattr(fid_stats, "Inception", FakeInception)
    data = Images(20)
    found = [record("best", i) for i in range(12)]
    about = describe_fid_stats(data, "my/many.toml")
    notes = {name: vars(about_sets(name, "clean", about)) for name in ("fid", "kid")}
    manifest = asked(["best"], sets={"mode": "clean", "reference": about}, metrics=notes)
    folder = make_run(tmp_path / "run", found, manifests=[manifest])
    ours = {r.key: RNG(i).normal(size=8).astype(np.float16) for i, r in enumerate(found)}
    (folder / "features-clean").mkdir()
    for key, row in ours.items():
        np.save(folder / "features-clean" / f"{key}.npy", row)

    page, _ = report(folder, tmp_path / "out")
    assert (
        "no reference statistics" in page
        and "python -m bench fid-stats --dataset my/many.toml --mode clean" in page
    )
    make_fid_stats(data, "clean")
    page, rows = report(folder, tmp_path / "out")
    rest = read_statistics(about["list"], "clean")
    truth = (
        FakeInception(mode="clean")(torch.stack([data.image(i) for i in data.ids])).numpy().astype(np.float16)
    )
    features_of = np.stack(list(ours.values()))
    assert float(rows["best"]["fid"]) == pytest.approx(frechet_distance(features_of, truth), rel=1e-4)
    assert float(rows["best"]["kid"]) == pytest.approx(
        kernel_distance(features_of, rest.rows).value, rel=1e-4
    )
    named = f"the 20 images of many (list {about['list'][:12]})"
    assert (
        f"reference: {named}" in page
        and f"with {named}" in page
        and "clean-fid (clean: antialiased bicubic" in page
    )
    assert "with the true images of the same row" not in page

    for path in (folder / "features-clean").iterdir():
        path.unlink()
    assert report(folder, tmp_path / "out")[1]["best"]["fid"] == rows["best"]["fid"]
    other = replace(found[0], cell=cell_of("best"))
    assert other.key in ours and len(json.loads((folder / "sets.json").read_text())) == 1


def test_fid_stats_verb(home, monkeypatch, tmp_path):
    monkeypatch.setattr(fid_stats, "Inception", FakeInception)
    done = CliRunner().invoke(
        cli, ["fid-stats", "--dataset", "fashion32", "--mode", "clean", "--batch", "500"]
    )
    assert done.exit_code == 0, done.output
    about = describe_fid_stats(load_dataset("fashion32"))
    assert read_statistics(about["list"], "clean").about["n"] == about["n"]
    wrong = CliRunner().invoke(cli, ["fid-stats", "--dataset", "fashion3"])
    assert wrong.exit_code == 2 and "did you mean 'fashion32'" in wrong.output
    folder = CliRunner().invoke(cli, ["fid-stats", "--dataset", str(tmp_path)])
    assert folder.exit_code == 2 and "a folder has no size of image of its own" in folder.output
