"""Pictures and features of a run folder."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.operators.base import moved
from bench.records.files import write_atomic
from bench.records.objects import find_file, spread
from bench.run.failures import Failure, ScoringError, failure, scoring
from bench.run.inputs import Measured
from bench.run.recorder import Result
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

    def keep_pictures(self, key: str, measured: Measured, i: int, x: Tensor) -> Failure | None:
        """Keeps the pictures of one image of a batch; a failure where an operator cannot show its y."""
        try:
            with scoring("pictures"):
                self.measurement(measured, i)
                self.reconstruction(key, x)
        except ScoringError as error:
            return failure(error)
        return None

    def keep_features(
        self, scorer: Scorer, keys: Sequence[str], measured: Measured, x: Tensor, results: list[Result]
    ) -> None:
        """Keeps the features of the images that have a score; a failure replaces the result of its image."""
        ok = [i for i, result in enumerate(results) if not isinstance(result, Failure)]
        if not scorer.inception or not ok:
            return
        truths = [measured.image_sha256[i] for i in ok]
        failures = self.features(scorer, [keys[i] for i in ok], x[ok], truths, measured.x[ok])
        for i, lost in zip(ok, failures, strict=True):
            results[i] = lost or results[i]

    def reconstruction(self, key: str, x: Tensor) -> None:
        """Keeps a reconstruction, (C, H, W) in [-1, 1]."""
        write_atomic(self.folder / "objects" / spread(f"{key}.png"), png(x))

    def trajectory(self, key: str, curves: Mapping[str, np.ndarray]) -> None:
        """Keeps the curves of a reconstruction; see `bench.run.steps.trajectory`."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **curves)  # type: ignore[arg-type]  # it has options of other types, too
        write_atomic(self.folder / "objects" / spread(f"trajectory/{key}.npz"), buffer.getvalue())

    def measurement(self, measured: Measured, i: int) -> None:
        """Keeps the truth and the measurement of one image of a batch; y with its masks and kernels too."""
        one = slice(i, i + 1)
        y, A, _ = measured.measurement
        name = f"measurement/{measured.y_hashes[i]}"
        self._once(f"truth/{measured.image_sha256[i]}.png", lambda: png(measured.x[i]))
        self._once(f"{name}.png", lambda: png(A[one].display(y[one])[0]))
        self._once(f"{name}.npz", lambda: npz({"y": y[i], **first_rows(A[one].parameters())}))

    def _once(self, name: str, data: Callable[[], bytes]) -> None:
        objects = self.folder / "objects"
        if find_file([objects], name) is None:
            write_atomic(objects / spread(name), data())

    def features(
        self, scorer: Scorer, keys: Sequence[str], x_hat: Tensor, truths: Sequence[str], x: Tensor
    ) -> list[Failure | None]:
        """Keeps Inception features of reconstructions, and of the truths that have none yet.

        Args:
            keys, truths: names of the reconstructions x_hat and of their truths x, (B, C, H, W).

        Returns:
            For each image why it has none, or None.
        """
        names = [f"truth/{sha256}.npy" for sha256 in truths]
        new = {name: i for i, name in enumerate(names) if find_file([self._features], name) is None}
        of_truths = scorer.features(x[list(new.values())]) if new else []
        known = dict(zip(new, of_truths, strict=True))
        failures = []
        for key, row, name in zip(keys, scorer.features(x_hat), names, strict=True):
            pair = {self._features / spread(f"{key}.npy"): row}
            if name in known:
                pair[self._features / spread(name)] = known[name]
            failures.append(_write_arrays(pair))
        return failures


def _write_arrays(arrays: Mapping[Path, np.ndarray | Failure]) -> Failure | None:
    """Writes all of the arrays, or none of them where one failed; then that failure."""
    for value in arrays.values():
        if isinstance(value, Failure):
            return value
    for path, value in arrays.items():
        assert not isinstance(value, Failure)
        write_atomic(path, npy(value))
    return None


def png(x: Tensor) -> bytes:
    """(1 or 3, H, W) in [-1, 1] as an 8-bit PNG; values outside are clipped, NaN is black."""
    inside = x.detach().cpu().double().nan_to_num(-1, 1, -1).clamp(-1, 1)
    pixels = ((inside + 1) * 127.5).round().to(torch.uint8)
    array = pixels.permute(1, 2, 0).numpy()
    if array.shape[2] == 1:
        array = array[..., 0]
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    """An array as an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npz(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as a compressed .npz file, floating numbers in float32 and complex ones in complex64."""
    arrays: dict[str, Any] = {}
    for name, tensor in tensors.items():
        arrays[name] = moved(tensor, dtype=torch.float32).numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def first_rows(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The first row of each tensor."""
    return {name: v[0] for name, v in tensors.items()}
