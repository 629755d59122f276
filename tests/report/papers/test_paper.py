"""A paper's page: its parts, and the verb that prints it."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import cli
from tests import ROOT
from tests.made_paper import FILE, ours, page_of


def test_the_verb(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = lambda *words: CliRunner().invoke(cli, ["report", *words])  # noqa: E731
    done = run("--paper", "red-diff", "--out", "page.md")
    assert done.exit_code == 0 and done.stdout == Path("page.md").read_text() and "## Plan" in done.stdout
    done = run("--paper", "redif")
    assert done.exit_code == 2 and "unknown paper 'redif' (did you mean 'red-diff'?)" in done.stderr
    assert "no run folder" in run("--paper", "dps", "--suite", "nothing").stderr
    assert "is a folder; with --paper give a file" in run("--paper", "dps", "--out", ".").stderr


@pytest.mark.long
def test_a_papers_page_needs_no_torch():
    code = "import sys; from bench.report.papers.paper import paper_report; paper_report('dps'); "
    code += "print({'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"


def test_the_page_has_a_section_for_each_source_and_counts_its_verdicts(tmp_path):
    table = FILE.partition("[[table]]")[2]
    task = table.partition("[[table.task]]")[2].replace('"Blur"', '"Motion"')
    second = table.replace('"Table 1"', '"Table 2"').replace('"Blur"', '"Zoom"')
    text = f"{FILE}[[table.task]]{task}[[table]]{second}"
    page = page_of(tmp_path, text, ours())
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert heads == [
        "# The paper",
        "## Table 1",
        "### Blur",
        "### Motion",
        "## Table 2",
        "### Zoom",
        "## Plan",
    ]
    assert page.splitlines()[2].endswith("6 reproduced; 6 no records.")
    assert (
        page.count(
            "`blur_gauss` (std 1.0); σ = 0.1 for images in [−1, 1] (0.05 in [0, 1] units); 12 images: tiny;"
        )
        == 3
    )
    (tmp_path / "run").rename(tmp_path / "first")
    assert page_of(tmp_path, text, ours()) == page, "equal records, equal pages"
