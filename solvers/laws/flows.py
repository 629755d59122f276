"""What the laws of methods for flows share: the denoiser at a time of the flow."""

import numpy as np

from bench.exact.laws import recursions


def flow_denoiser(p: recursions.Affine, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """K and b of E[x0 | x_tau] = K x_tau + b, the ratio at most that of the last level."""
    if tau == 0:
        ab = recursions.abars(np.array([999]))[0]
        K, b = recursions.denoiser(p, ab)
        return np.sqrt(1 - ab) * K, b
    size = np.sqrt(tau**2 + (1 - tau) ** 2)
    K, b = recursions.denoiser(p, tau**2 / size**2)
    return K / size, b
