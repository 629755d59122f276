"""Operators of medical imaging: magnetic resonance, whose measurements are complex, and tomography."""

from bench.operators.medical.ct import CT
from bench.operators.medical.mri import MRI, SingleCoilMRI, mri

__all__ = ["CT", "MRI", "SingleCoilMRI", "mri"]
