"""The cache folder: where everything is kept that was fetched once."""

import hashlib
import os
from pathlib import Path


def cache_dir() -> Path:
    """``$BENCH_HOME``, by default ~/.cache/diffusion-inverse-bench. Delete it to reclaim the disk."""
    return Path(os.environ.get("BENCH_HOME") or "~/.cache/diffusion-inverse-bench").expanduser()


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
