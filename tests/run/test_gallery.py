"""Pictures and features: what is written, and what is not written twice."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from bench.operators import make_operator
from bench.run.failures import Failure
from bench.run.gallery import Gallery, npy, npz, png
from bench.run.inputs import Measured
from bench.solver import Measurement


def test_pictures_are_clipped_to_8_bits():
    x = torch.tensor([[[-1.0, 1.0, 0.0], [-5.0, 5.0, torch.nan]]])
    pixels = np.asarray(Image.open(io.BytesIO(png(x))))
    assert pixels.tolist() == [[0, 255, 128], [0, 255, 0]]
    assert np.asarray(Image.open(io.BytesIO(png(torch.zeros(3, 2, 2))))).shape == (2, 2, 3)


def test_floating_numbers_are_kept_as_float32():
    with np.load(io.BytesIO(npz({"y": torch.zeros(2).double(), "mask": torch.ones(2).bool()}))) as kept:
        assert (kept["y"].dtype, kept["mask"].dtype) == (np.float32, np.bool_)
    assert np.load(io.BytesIO(npy(np.arange(3)))).tolist() == [0, 1, 2]


def test_a_truth_and_its_measurement_are_written_once(tmp_path):
    A = make_operator("inpaint_random", (1, 8, 8), range(2))
    x = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    measured = Measured(x, Measurement(A(x), A, 0.1), ["y0", "y1"], ["t0", "t1"])
    gallery = Gallery(tmp_path, 1)
    gallery.measurement(measured, 1)
    objects = tmp_path / "objects"
    found = {str(path.relative_to(objects)) for path in objects.rglob("*.*")}
    assert found == {"truth/t1/t1.png", "measurement/y1/y1.png", "measurement/y1/y1.npz"}
    with np.load(objects / "measurement/y1/y1.npz") as kept:
        assert kept["mask"].shape == A.parameters()["mask"][1].shape and kept["y"].shape == (1, 8, 8)
    (objects / "truth/t1/t1.png").write_bytes(b"mine")
    gallery.measurement(measured, 1)
    assert (objects / "truth/t1/t1.png").read_bytes() == b"mine"
    assert [gallery.wants(k) for k in (0, 1)] == [True, False] and Gallery(tmp_path, None).wants(99)


class Features:
    def __init__(self, fails=()):
        self.fails, self.asked = fails, []

    def features(self, x):
        values = x.flatten(1)[:, 0].tolist()
        self.asked.append(values)
        return [Failure("failed", "no") if v in self.fails else np.full(4, v, np.float16) for v in values]


@pytest.mark.parametrize(("fails", "lost"), [((), []), ((2.0,), [1]), ((20.0,), [1])])
def test_features_are_kept_in_pairs(tmp_path, fails, lost):
    """An image of which the truth has no features has none of its own."""
    x_hat, x = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1), torch.tensor([10.0, 20.0]).view(2, 1, 1, 1)
    scorer, gallery = Features(fails), Gallery(tmp_path, 0)
    failures = gallery.features(scorer, ["a", "b"], x_hat, ["ta", "tb"], x)
    assert [i for i, failure in enumerate(failures) if failure] == lost
    kept = {path.stem for path in (tmp_path / "features").rglob("*.npy")}
    assert kept == ({"a", "ta"} if lost else {"a", "ta", "b", "tb"})
    gallery.features(scorer, ["c"], x_hat[:1], ["ta"], x[:1])
    assert scorer.asked[-1] == [1.0], "the features of a truth are computed once"
