"""What the harness needs of a data set."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Images(Protocol):
    """What a task needs of a dataset; `bench.data.load_dataset` gives one."""

    name: str
    shape: tuple[int, ...]
    ids: Sequence[str]

    def image(self, image: str) -> Tensor:
        """(C, H, W) float32 in [-1, 1]."""

    def image_sha256(self, image: str) -> str:
        """Of the decoded pixels."""
