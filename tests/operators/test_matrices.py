"""Compressed sensing against scipy's matrices; random matrices and what they store."""

import numpy as np
import pytest
import torch
from scipy.linalg import hadamard

from bench.operators import make_operator
from bench.records.keys import digest


def test_compressed_sensing_is_rows_of_a_hadamard_matrix_of_shuffled_pixels():
    A = make_operator("compressed_sensing", (2, 4, 16), [5, 6], factor=3)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 2, 4, 16)))
    pixels, rows = A.parameters()["pixels"], A.parameters()["rows"]
    assert A.out_shape == (2, 64 // 3)
    assert (rows[:, 0] == 0).all(), "the mean is measured"
    for i in range(2):
        assert sorted(pixels[i].tolist()) == list(range(64))
        assert len(set(rows[i].tolist())) == 21
        expected = hadamard(64)[rows[i]] / 8 @ x[i].flatten(1)[:, pixels[i]].numpy().T
        np.testing.assert_allclose(A(x)[i], expected.T, atol=1e-13)
    assert A.display(A(x)).shape == x.shape


def test_draws_are_the_same_on_every_machine():
    A = make_operator("compressed_sensing", (1, 4, 8), [99])
    assert digest([v.tolist() for v in A.parameters().values()])[:16] == "3b198188367b49b1"


@pytest.mark.parametrize(
    ("shape", "params", "message"),
    [
        ((3, 32, 24), {}, "power of two, got 32 x 24 = 768"),
        ((1, 2, 2), {"factor": 5}, "factor = 5 is more than the image's 4 pixels"),
    ],
)
def test_errors_of_compressed_sensing(shape, params, message):
    with pytest.raises(ValueError, match=message):
        make_operator("compressed_sensing", shape, [0], **params)


def test_random_matrices_are_stored_by_their_reflections():
    A = make_operator("random_matrix", (800,), range(3), m=4)
    assert max(v.numel() for v in vars(A).values() if isinstance(v, torch.Tensor)) == 3 * 4 * 800
    s = A.s[:, :4]
    assert ((s >= 0.2) & (s <= 1)).all() and len(s.unique()) == 12
    with pytest.raises(ValueError, match="at least m entries"):
        make_operator("random_matrix", (3,), [0], m=4)
