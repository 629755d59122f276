"""Versions of everything that can change a number, and the commit of the code."""

import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path


def versions() -> dict[str, str]:
    """Versions by name: Python, the system and the packages; diffusers only where a prior has loaded it."""
    found = {
        "python": sys.version.split()[0],
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    packages = ["diffusion-inverse-bench", "torch", "numpy", "azula", "lpips", "scikit-image", "pytorch-fid"]
    if "diffusers" in sys.modules:
        packages.append("diffusers")
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


@cache
def commit() -> str | None:
    """The git commit of the code, "-dirty" if it was changed since; None outside of a repository."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)  # noqa: S603 - fixed arguments
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def short_commit(name: str) -> str:
    """The beginning of a commit, with the mark of a changed working tree.

    >>> short_commit("a72c9daab9a94f2a955a9066c9e1f5992a9fb3e3-dirty")
    'a72c9daab9a9-dirty'
    """
    sha1, dash, mark = name.partition("-")
    return sha1[:12] + dash + mark
