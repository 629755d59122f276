"""What the harness needs of a data set."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Images(Protocol):
    """What a task needs of a dataset; `bench.data.load_dataset` gives one."""

    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every image, (C, H, W), or of every vector, (d,)."""

    @property
    def ids(self) -> Sequence[str]:
        """Names of the images, in their fixed order."""

    def image(self, image: str) -> Tensor:
        """(C, H, W) float32 in [-1, 1]."""

    def image_sha256(self, image: str) -> str:
        """Of the decoded pixels."""
