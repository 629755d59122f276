"""Images on which operators are compared with other implementations."""

import numpy as np
import torch

SHAPE = (3, 32, 24)


def images(B: int = 2, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).uniform(-1, 1, (B, *shape)))


def close(a, b, tol=1e-12):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=tol, atol=tol)
