"""An operator of one's own: a camera that jumped once during the exposure.

    python -m bench check examples/own_operator.py
    python -m bench run --suite demo --operator examples/own_operator.py --solver diffpir --images 2

The first command tests the adjoint, the pseudo-inverse, the seeds and the batches. The second solves the
problem with DiffPIR; without `--solver` it takes all methods of the suite.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Gt
from torch import Tensor

from bench.operators.base import LinearOperator


class DoubleExposure(LinearOperator):
    """The mean of an image and its copy, shifted in a circle by 1 to ``reach`` pixels down and to the right.

    Each image has a shift of its own, drawn from its seed.

    Args:
        shape: (C, H, W) of one image.
        seeds: one per image.
        reach: the largest shift, in pixels.
    """

    batched = ("shift",)

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], reach: Annotated[int, Gt(0)] = 5) -> None:
        super().__init__(shape, seeds)
        # Raw bits, since numpy may change the streams of its samplers.
        bits = np.stack([np.random.Philox(key=seed).random_raw(2) for seed in self.seeds])
        self.shift = torch.from_numpy((bits % reach + 1).astype(np.int64))

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"shift": self.shift}

    def forward(self, x: Tensor) -> Tensor:
        return (x + rolled(x, self.shift)) / 2

    def transpose(self, v: Tensor) -> Tensor:
        return (v + rolled(v, -self.shift)) / 2

    def guess(self, y: Tensor) -> Tensor:
        """A copy of y: the undamped pseudo-inverse amplifies the noise."""
        return y.clone()


def rolled(x: Tensor, shift: Tensor) -> Tensor:
    """Each image (C, H, W) of a batch, shifted in a circle by its row of ``shift``, (B, 2): down, right."""
    return torch.stack([image.roll(by, (-2, -1)) for image, by in zip(x, shift.tolist(), strict=True)])
