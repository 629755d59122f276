"""The cache folder, which keeps everything that was fetched once."""

import hashlib
import os
from pathlib import Path


def cache_dir() -> Path:
    """The folder ``$BENCH_HOME``, by default ~/.cache/diffusion-inverse-bench; delete it to free the disk."""
    return Path(os.environ.get("BENCH_HOME") or "~/.cache/diffusion-inverse-bench").expanduser()


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
