"""The images of a batch: which of them are chosen, and what each has cost.

An image may end before its batch mates do. A solver then goes on with ``prior[active]``, ``A[active]``,
``measurement.select(active)`` and ``noise[active]``, and only the images that go on pay:

>>> import torch
>>> tally = Tally(3)
>>> everyone = chosen(slice(None), 3)
>>> tally.add("nfe", everyone, [1, 1, 1])
>>> active = torch.tensor([True, False, True])
>>> tally.add("nfe", everyone[chosen(active, 3)], [1, 1])
>>> tally["nfe"].tolist()
[2.0, 1.0, 2.0]
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from torch import Tensor

Images = slice | Tensor
"""Some images of a batch: a slice, places (n,) as whole numbers, or a mask (B,) of bool."""


def chosen(images: Images, n: int) -> np.ndarray:
    """The places of some images in a batch of n, whole numbers.

    Raises:
        TypeError: it is neither a slice nor an index tensor.
        IndexError: a place or a mask does not fit the batch.
    """
    if isinstance(images, slice):
        return np.arange(n)[images]
    if not isinstance(images, Tensor) or images.ndim != 1 or images.is_floating_point():
        said = f"a tensor of shape {tuple(images.shape)}" if isinstance(images, Tensor) else repr(images)
        raise TypeError(
            f"choose images by a slice (i : i + 1 for one), places (n,) or a mask (B,), not {said}"
        )
    found: np.ndarray = np.arange(n)[images.cpu().numpy()]
    return found


class Tally(Mapping[str, np.ndarray]):
    """Counts by kind, one number per image of a batch, (B,) float64; 0 for what was never counted."""

    def __init__(self, images: int) -> None:
        self.images = images
        self._counts: dict[str, np.ndarray] = {}
        self._even: dict[str, dict[bytes, float]] = {}
        """Kind -> places of some images -> what each of them has counted there. Arrays of counts are made
        when somebody asks, not at each of the calls between two evaluations of a network."""

    def add(self, kind: str, images: np.ndarray, amounts: Sequence[float] | np.ndarray) -> None:
        """Counts a call.

        Args:
            images: (n,), the images that the caller works on.
            amounts: what each row of the call counts. There is a row per image, or several that lie next to
                each other, as with particles. Of any other number of rows nobody knows whose they are: all
                images share them.
        """
        rows = np.asarray(amounts, dtype=np.float64)
        if len(images) and len(rows) % len(images) == 0:
            owners = np.repeat(images, len(rows) // len(images))
        else:
            owners, rows = images, np.full(len(images), rows.sum() / max(len(images), 1))
        before = self._counts.get(kind, np.zeros(self.images))
        self._counts[kind] = before + np.bincount(owners, rows, minlength=self.images)

    def add_rows(self, kind: str, images: np.ndarray, rows: int, each: float = 1.0) -> None:
        """Counts a call as `add` does, of whose rows each counts the same."""
        if not len(images) or rows % len(images):
            self.add(kind, images, np.full(rows, each))
            return
        even, places = self._even.setdefault(kind, {}), images.tobytes()
        even[places] = even.get(places, 0.0) + rows // len(images) * each

    def __getitem__(self, kind: str) -> np.ndarray:
        counts = self._counts.get(kind, np.zeros(self.images))
        for places, amount in self._even.get(kind, {}).items():
            images = np.frombuffer(places, np.intp)
            counts = counts + amount * np.bincount(images, minlength=self.images)
        return counts

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts | self._even)

    def __len__(self) -> int:
        return len(self._counts | self._even)

    def total(self) -> np.ndarray:
        """All kinds together, (B,)."""
        found: np.ndarray = sum(self.values(), np.zeros(self.images))
        return found
