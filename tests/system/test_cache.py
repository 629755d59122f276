"""The cache folder is where the user says, and hashes are of whole files."""

import hashlib
from pathlib import Path

from bench.system.cache import cache_dir, sha256


def test_the_folder_is_the_users_or_the_one_in_their_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BENCH_HOME", "~/mine")
    assert cache_dir() == tmp_path / "mine"
    for unset in ("", None):
        monkeypatch.delenv("BENCH_HOME") if unset is None else monkeypatch.setenv("BENCH_HOME", unset)
        assert cache_dir() == Path(tmp_path, ".cache", "diffusion-inverse-bench")


def test_a_hash_is_of_the_whole_file(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
