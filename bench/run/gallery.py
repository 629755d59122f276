"""Pictures and features of a run folder."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.records.files import write_atomic
from bench.run.failures import Failure
from bench.run.inputs import Measured
from bench.run.score import Scorer


class Gallery:
    """Pictures and features of a run folder, each written as a whole or not at all.

    Args:
        first: pictures are kept of the first so many images of every cell; None keeps all.
        features: name of the folder for features.
    """

    def __init__(self, folder: Path, first: int | None, features: str = "features") -> None:
        self.folder, self.first, self._features = folder, first, folder / features

    def wants(self, position: int) -> bool:
        """Whether the picture of the image at this position of the list is kept."""
        return self.first is None or position < self.first

    def reconstruction(self, key: str, x: Tensor) -> None:
        """(C, H, W) in [-1, 1]."""
        write_atomic(self.folder / "objects" / key[:2] / f"{key}.png", png(x))

    def problem(self, measured: Measured, i: int) -> None:
        """The truth and the measurement of one image of a batch, named by what they are; y with its masks and
        kernels too.
        """
        one = slice(i, i + 1)
        y, A, _ = measured.measurement
        objects, y_hash = self.folder / "objects", measured.y_hashes[i]
        self._once(objects / "truth" / f"{measured.image_sha256[i]}.png", lambda: png(measured.x[i]))
        self._once(objects / "measurement" / f"{y_hash}.png", lambda: png(A[one].display(y[one])[0]))
        self._once(
            objects / "measurement" / f"{y_hash}.npz",
            lambda: npz({"y": y[i], **first_rows(A[one].parameters())}),
        )

    def _once(self, path: Path, data: Callable[[], bytes]) -> None:
        if not path.exists():
            write_atomic(path, data())

    def features(
        self, scorer: Scorer, keys: Sequence[str], x_hat: Tensor, truths: Sequence[str], x: Tensor
    ) -> list[Failure | None]:
        """Inception features of reconstructions, and of the truths, named by their sha256, that have none
        yet; what failed.
        """
        paths = [self._features / "truth" / f"{sha256}.npy" for sha256 in truths]
        new = {path: i for i, path in enumerate(paths) if not path.exists()}
        known = dict(zip(new, scorer.features(x[list(new.values())]), strict=True)) if new else {}
        found = []
        for key, row, path in zip(keys, scorer.features(x_hat), paths, strict=True):
            pair = {self._features / f"{key}.npy": row} | ({path: known[path]} if path in known else {})
            found.append(next((value for value in pair.values() if isinstance(value, Failure)), None))
            for file, value in pair.items() if found[-1] is None else ():
                write_atomic(file, npy(value))
        return found


def png(x: Tensor) -> bytes:
    """(1 or 3, H, W) in [-1, 1] as an 8-bit PNG; values outside are clipped, NaN is black."""
    pixels = (
        ((x.detach().cpu().double().nan_to_num(-1, 1, -1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    )
    array = pixels.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(buffer, "PNG")
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    """An array as an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npz(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as a compressed .npz file, floating numbers in float32."""
    buffer = io.BytesIO()
    arrays = {name: (v.float() if v.is_floating_point() else v).numpy() for name, v in tensors.items()}
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def first_rows(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of a batch of one."""
    return {name: v[0] for name, v in tensors.items()}
