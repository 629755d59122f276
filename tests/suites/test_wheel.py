"""Cards, laws and templates are in the wheel, and cards are read from it without torch."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from bench.suites.cards import FOLDER
from tests import ROOT

PROBE = """
import sys
from bench.suites.cards import FOLDER, list_cards
from bench.suites.presets import resolve
print(FOLDER)
print(*list_cards())
print(resolve("dps", None, "fashion32", "inpaint_box", "inpaint_box")[0], "torch" in sys.modules)
"""


@pytest.mark.long
def test_an_installed_wheel_has_cards_laws_and_templates(tmp_path):
    """Built from a copy, since setuptools writes beside the sources."""
    source, unpacked = tmp_path / "source", tmp_path / "unpacked"
    for name in ("bench", "solvers", "pyproject.toml", "README.md", "LICENSE"):
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, source / name)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    there = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    templates = (ROOT / "bench" / "report" / "html" / "templates").iterdir()
    ours = [*FOLDER.glob("*.yaml"), *FOLDER.rglob("*.py"), *templates]
    assert {str(path.relative_to(ROOT)) for path in ours} <= there
    command, environment = [sys.executable, "-c", PROBE], {"PYTHONPATH": str(unpacked)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    folder, names, resolved = done.stdout.splitlines()
    assert folder == str(unpacked / "solvers") and resolved == "bench False", done.stderr
    assert sorted(names.split()) == sorted(path.stem for path in FOLDER.glob("*.yaml"))
