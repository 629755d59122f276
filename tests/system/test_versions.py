"""Versions of all that can change a number, and the commit of the code."""

import subprocess
import sys
from importlib import metadata

import pytest

from bench.system import versions as module
from bench.system.versions import commit, versions


def test_versions_are_those_of_the_packages_that_are_used(monkeypatch):
    found = versions()
    assert found["torch"] == metadata.version("torch") and found["python"] == sys.version.split()[0]
    assert {"os", "numpy", "azula", "lpips", "scikit-image", "pytorch-fid"} <= found.keys()
    monkeypatch.delitem(sys.modules, "diffusers", raising=False)
    assert "diffusers" not in versions()
    monkeypatch.setitem(sys.modules, "diffusers", module)
    assert "diffusers" in versions(), "it was loaded, for a prior of its kind"


def test_an_absent_package_is_said_to_be_absent(monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(module.metadata, "version", version)
    assert versions()["azula"] == "not installed"


@pytest.fixture
def repository(monkeypatch, tmp_path):
    """A repository with one commit, in which the module lies."""
    place = tmp_path / "bench" / "system" / "versions.py"
    place.parent.mkdir(parents=True)
    place.write_text("one")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a", "commit", "--quiet", "--message", "first")
    monkeypatch.setattr(module, "__file__", str(place))
    monkeypatch.setattr(module, "commit", commit.__wrapped__)
    return place


def git(folder, *arguments):
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_says_whether_the_code_was_changed_since(repository, tmp_path):
    head = git(tmp_path, "rev-parse", "HEAD")
    assert module.commit() == head
    repository.write_text("other")
    assert module.commit() == f"{head}-dirty"
    (tmp_path / ".git").rename(tmp_path / "elsewhere")
    assert module.commit() is None
