"""The pages of the committed run of the suite "linear" and of made-up runs, rendered once."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.report import render
from tests import ROOT
from tests.browser import browser as browser
from tests.made_run import make_run, record, records

EVIL = """</script><img src=x onerror="alert(1)">"'|`${1}"""


@dataclass
class Page:
    """A rendered page and its document."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(re.search(r'id="data">(.*?)</script>', self.text, re.DOTALL)[1])


def rendered(run: Path, out: Path) -> Page:
    written = render(run, out, ["html"])
    return Page(next(path for path in written if path.suffix == ".html"))


@pytest.fixture(scope="session")
def linear(tmp_path_factory):
    """The page of the committed records; their folder is left as it is."""
    return rendered(ROOT / "results" / "reference" / "linear", tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The page of the made-up run: failures, a skipped row, one that is not run yet."""
    folder = tmp_path_factory.mktemp("made")
    skipped = {"label": "needy", "cell": "n", "key": "n", "status": "skipped", "image": "*", "y_hash": None}
    make_run(folder / "run", [*records(), record("worse", 0, psnr=0, reason="Needy needs SVD", **skipped)])
    return rendered(folder / "run", folder / "out")


@pytest.fixture(scope="session")
def page_of(tmp_path_factory):
    """A function that renders the page of some records."""

    def page_of(found, **how) -> Page:
        folder = tmp_path_factory.mktemp("page")
        make_run(folder / "run", found, **how)
        return rendered(folder / "run", folder / "out")

    return page_of
