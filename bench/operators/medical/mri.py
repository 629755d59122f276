"""Magnetic resonance imaging: some of the Fourier coefficients of an image, seen by one coil or several."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor
from torch.fft import fft2, fftshift, ifft2, ifftshift

from bench.operators.base import LinearOperator, SVDOperator
from bench.operators.convolution import hartley
from bench.operators.kernels import image_shape
from bench.operators.medical.coils import FILE, VARIABLE, Sensitivities, read_maps, simulated
from bench.operators.medical.sampling import cartesian, radial
from bench.system.supplied import supplied_file

PLANE = (-2, -1)
MOST_COILS = 1000


class MRI(LinearOperator):
    """A(x) = mask F(S_c x) for every coil c: multi-coil k-space of a real image, complex.

    F is the orthonormal two-dimensional Fourier transform, centred: frequency zero is at (H // 2, W // 2).
    S_c are the coils' sensitivities, with sum_c |S_c|^2 = 1 at every pixel, so ||A|| <= 1. Images have no
    phase of their own. Each channel of x is an image; y is (C, coils, H, W), 0 where unmeasured.

    Args:
        masks: one (H, W) bool array per image, true where k-space is measured.
        coils: their sensitivities, which all images share.
        rcond: relative residual at which the pseudo-inverse's conjugate gradients stop.
    """

    complex_valued = True
    batched = ("mask",)

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        masks: Sequence[np.ndarray],
        coils: Sensitivities,
        rcond: float = 1e-2,
    ) -> None:
        super().__init__(shape, seeds)
        size = image_shape(shape, "mri")[1:]
        if coils.maps.shape[1:] != size:
            found = " x ".join(map(str, coils.maps.shape[1:]))
            raise ValueError(
                f"mri: sensitivities of {found} pixels do not fit images of {size[0]} x {size[1]}"
            )
        self.rcond, self.sha256 = rcond, coils.sha256
        self.mask = torch.from_numpy(np.stack(masks)[:, None]).double()
        self.maps = torch.from_numpy(coils.maps)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape[0], *self.maps.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"mask": self.mask.bool()}

    def supplied(self) -> dict[str, str]:
        return {"sensitivities": self.sha256} if self.sha256 else {}

    def conventions(self) -> dict[str, str]:
        source = f"a file, sha256 {self.sha256[:12]}" if self.sha256 else "wires around the image"
        return kspace(self.mask) | {"coils": f"{len(self.maps)}, {source}, their squares add up to 1"}

    @property
    def measured(self) -> Tensor:
        return self.mask[:, :, None].bool().expand(-1, *self.out_shape)

    def guess(self, y: Tensor) -> Tensor:
        """The zero-filled image A^T y, which amplifies no noise."""
        return self.transpose(y)

    def display(self, y: Tensor) -> Tensor:
        """The zero-filled image A^T y."""
        return self.transpose(y).clamp(-1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mask[:, :, None] * fourier(self.maps * x[:, :, None])

    def transpose(self, v: Tensor) -> Tensor:
        return (self.maps.conj() * inverse_fourier(self.mask[:, :, None] * v)).sum(2).real


class SingleCoilMRI(SVDOperator):
    """A(x) = mask F(x): k-space of a real image, complex, seen by one coil that sees every pixel alike.

    F is the orthonormal two-dimensional Fourier transform, centred: frequency zero is at (H // 2, W // 2).
    Each channel of x is an image; y is (C, H, W), 0 where unmeasured.

    A real image has conj-symmetric coefficients, so a frequency is known where it or its negative is
    measured: A^T A is a circular filter with the response (mask(f) + mask(-f)) / 2. Its square root is s, in
    {0, sqrt(1/2), 1}, the orthonormal Hartley transform is V, and U = A V / s.

    Args:
        masks: one (H, W) bool array per image, true where k-space is measured.
    """

    complex_valued = True
    batched = ("mask", "singular")

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], masks: Sequence[np.ndarray]) -> None:
        super().__init__(shape, seeds)
        self.mask = torch.from_numpy(np.stack(masks)[:, None]).double()
        m = ifftshift(self.mask, PLANE)
        self.singular = ((m + m.flip(PLANE).roll((1, 1), PLANE)) / 2).sqrt()

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"mask": self.mask.bool()}

    def conventions(self) -> dict[str, str]:
        return kspace(self.mask) | {"coils": "one, which sees every pixel alike"}

    @property
    def measured(self) -> Tensor:
        return self.mask.bool().expand(-1, *self.shape)

    def display(self, y: Tensor) -> Tensor:
        """The zero-filled image A^T y."""
        return self.transpose(y).clamp(-1, 1)

    @property
    def s(self) -> Tensor:
        return self.singular.expand(-1, *self.shape)

    def forward(self, x: Tensor) -> Tensor:
        return self.mask * fourier(x)

    def transpose(self, v: Tensor) -> Tensor:
        return inverse_fourier(self.mask * v).real

    def apply_U(self, z: Tensor) -> Tensor:
        return self.forward(hartley(self.inverse_s * z))

    def apply_Ut(self, y: Tensor) -> Tensor:
        return self.inverse_s * hartley(self.transpose(y))

    def apply_V(self, z: Tensor) -> Tensor:
        return hartley(z)

    apply_Vt = apply_V

    @property
    def inverse_s(self) -> Tensor:
        """1 / s where s > 0, and 0 elsewhere, (B, 1, H, W)."""
        return torch.where(self.singular > 0, 1 / self.singular, 0)


def mri(
    shape: Sequence[int],
    seeds: Sequence[int],
    coils: Annotated[int, Ge(1), Le(MOST_COILS)] = 4,
    mask: Literal["cartesian", "radial"] = "cartesian",
    acceleration: Annotated[float, Ge(1)] = 4.0,
    center: Annotated[float, Gt(0), Lt(1)] = 0.08,
    sensitivities: Literal["simulated", "file"] = "simulated",
    rcond: Annotated[float, Gt(0), Lt(1)] = 1e-2,
) -> MRI | SingleCoilMRI:
    """`MRI` (a `LinearOperator`), or `SingleCoilMRI` (an `SVDOperator`) for one simulated coil.

    Args:
        acceleration: one entry of k-space in so many is measured.
        center: share of the columns, around the zero frequency, that a Cartesian mask always measures.
        sensitivities: simulated, or from the file in ``BENCH_COIL_SENSITIVITIES`` or else
            operators/coil_sensitivities.npy in the cache, (coils, H, W) as ``numpy.save`` writes it.

    Raises:
        ValueError: the file is absent, damaged or of another number of coils or size, or the masks cannot be.
    """
    size = image_shape(shape, "mri")[1:]
    if mask == "cartesian":
        masks = [cartesian(seed, size, acceleration, center) for seed in seeds]
    else:
        masks = [radial(seed, size, acceleration) for seed in seeds]
    if sensitivities == "file":
        given = read_maps(supplied_file("mri", FILE, VARIABLE, "coil sensitivities, complex (coils, H, W)"))
        if len(given.maps) != coils:
            raise ValueError(
                f"mri: the file of sensitivities has {len(given.maps)} coils, not coils = {coils}"
            )
        return MRI(shape, seeds, masks, given, rcond)
    if coils == 1:
        return SingleCoilMRI(shape, seeds, masks)
    return MRI(shape, seeds, masks, simulated(coils, size), rcond)


def fourier(x: Tensor) -> Tensor:
    """The centred orthonormal Fourier transform over the last two axes."""
    return fftshift(fft2(ifftshift(x, PLANE), norm="ortho"), PLANE)


def inverse_fourier(y: Tensor) -> Tensor:
    """The inverse of `fourier`, which is its adjoint."""
    return fftshift(ifft2(ifftshift(y, PLANE), norm="ortho"), PLANE)


def kspace(mask: Tensor) -> dict[str, str]:
    """What is to be known of the transform and of the masks, (B, 1, H, W)."""
    share = f"{mask[0].mean():.1%} measured in the first image, the same in all channels"
    return {"k-space": "centred orthonormal transform of x in [-1, 1], without a phase", "mask": share}
