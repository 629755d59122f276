"""The interface between data sets and the harness."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Images(Protocol):
    """Images by name; `bench.data.load_dataset` makes them of files, `bench.exact.problems` of closed forms.

    Attributes:
        name: of the data set.
        shape: (C, H, W) of every image.
        ids: names of the images, in their fixed order.

    """

    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every image, (C, H, W), or of every vector, (d,)."""

    @property
    def ids(self) -> Sequence[str]:
        """Names of the images, in their fixed order."""

    def image(self, image: str) -> Tensor:
        """Pixels of an image, (C, H, W) float32 in [-1, 1]."""

    def image_sha256(self, image: str) -> str:
        """Hexadecimal sha256 of the decoded pixels."""
