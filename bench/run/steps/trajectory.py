"""PSNR and misfit of a solver's estimate x0 after every step, kept in a file beside the record.

The file is ``objects/trajectory/KEY.npz``, with the arrays ``nfe`` and ``vjps`` (network evaluations and
backward passes of this image so far), ``psnr`` (dB) and ``misfit`` (``residual`` where y has no noise), each
(steps,). The last numbers are those of x0, not of the returned x, which the record has.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from bench.metrics import image
from bench.operators.base import moved
from bench.run.failures import describe
from bench.run.inputs import Measured
from bench.solver import Measurement

Curves = Mapping[str, np.ndarray]
"""Name -> (steps,), of one image."""


class Watch:
    """Scores the estimates of a batch of B images, one step after another.

    It computes on the device of the prior, in its dtype, and is asked for numbers only at the end: the device
    is not waited for. What goes wrong here costs the trajectory, never the reconstruction.

    Args:
        measured: the images and their measurements as they are, whatever the solver is told of them.
        particles: whether estimates are (B, P, *shape); the first particle is scored, as it is for a record.
        device, dtype: of the prior.

    Attributes:
        trouble: why there are no curves; "" where there are.
    """

    def __init__(self, measured: Measured, particles: bool, device: torch.device, dtype: torch.dtype) -> None:
        y, A, _ = measured.measurement
        self._x, self._particles = measured.x.to(device, dtype), particles
        given = moved(y, device, dtype), A.to(device, dtype)
        self._measurement = Measurement(*given, noise=measured.measurement.noise)
        self._scores: list[tuple[Tensor, Tensor]] = []
        self._calls: list[tuple[np.ndarray, np.ndarray]] = []
        self.trouble = ""

    def __call__(self, x0: Tensor, calls: Mapping[str, np.ndarray]) -> None:
        """Scores an estimate, (B, *shape) or (B, P, *shape).

        Args:
            calls: ``nfe`` and ``vjps`` so far, (B,) each.
        """
        if self.trouble:
            return
        try:
            with torch.no_grad():
                self._scores.append(self._score(x0))
            self._calls.append((calls["nfe"], calls["vjps"]))
        except Exception as error:  # noqa: BLE001 - a solver may yield anything, and its x is what counts
            self.trouble = describe(error)

    def _score(self, x0: Tensor) -> tuple[Tensor, Tensor]:
        """PSNR and misfit or residual, (B,) each."""
        estimate = self._estimate(x0)
        y, A, _ = self._measurement
        psnr = image.psnr(estimate, self._x)
        if self.is_exact:
            return psnr, image.residual(A, estimate, y)
        return psnr, image.misfit(A, estimate, y, self._measurement.noise)

    def _estimate(self, x0: Tensor) -> Tensor:
        """One estimate per image, in the shape, dtype and place of the truth."""
        if not isinstance(x0, Tensor):
            raise TypeError(f"x0 is {type(x0).__name__}, not a tensor")
        if x0.is_complex():
            raise TypeError(f"x0 is of {x0.dtype}, not real")
        first = x0[:, 0] if self._particles and x0.ndim == self._x.ndim + 1 else x0
        if first.shape != self._x.shape:
            raise ValueError(f"x0 is of shape {tuple(x0.shape)}, images are {tuple(self._x.shape)}")
        return first.detach().to(self._x)

    @property
    def is_exact(self) -> bool:
        """Whether y has no noise, so that there is a residual and no misfit."""
        return isinstance(self._measurement.sigma, float) and self._measurement.sigma == 0

    def curves(self) -> list[Curves]:
        """The curves of each image; none where something went wrong."""
        if self.trouble or not self._scores:
            return []
        psnr, misfit = (torch.stack(scores).cpu().numpy() for scores in zip(*self._scores, strict=True))
        nfe, vjps = (np.stack(counts) for counts in zip(*self._calls, strict=True))
        return [self._of(i, nfe, vjps, psnr, misfit) for i in range(len(self._x))]

    def _of(self, i: int, nfe: np.ndarray, vjps: np.ndarray, psnr: np.ndarray, misfit: np.ndarray) -> Curves:
        """The curves of image i, of arrays (steps, B)."""
        return {
            "nfe": nfe[:, i].round().astype(np.int64),
            "vjps": vjps[:, i].round().astype(np.int64),
            "psnr": psnr[:, i].astype(np.float32),
            "residual" if self.is_exact else "misfit": misfit[:, i].astype(np.float32),
        }
