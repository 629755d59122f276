"""What is written down for users: the commands of the guide and of the plans parse, and the guide tells what
they cost."""

import re
import shlex

import pytest

from bench.cli import cli
from bench.report.papers.paper import paper_report
from bench.report.papers.published import load_published
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests import ROOT
from tests.ours import SOLVERS

PAPERS = load_published().papers


def commands(text):
    found = re.findall(r"^(?:[A-Z_]+=\S+ )*python -m bench (.*)$", text.replace("\\\n", " "), re.M)
    assert found
    return [shlex.split(words, comments=True) for words in found]


@pytest.mark.parametrize("source", ["guide", pytest.param("plan", marks=pytest.mark.long)])
def test_commands_that_are_written_down_parse(source):
    """Verb, options and their values; and a run's suite, task and row exist."""
    guide = ROOT / "docs" / "reproduce_red_diff.md"
    text = guide.read_text() if source == "guide" else "".join(paper_report(name).page for name in PAPERS)
    for verb, *words in commands(text):
        command = cli.commands[verb]
        options = command.make_context(verb, list(words)).params
        if verb == "run":
            suite = override(
                load_suite(options["suite_name"]), options["solvers"], options["tasks"], list(SOLVERS)
            )
            assert suite.tasks and suite.solvers


def test_the_guide_runs_what_the_plan_asks_for_and_tells_its_hours():
    guide, page = (ROOT / "docs" / "reproduce_red_diff.md").read_text(), paper_report("red-diff").page

    def rows(text):
        runs = [
            cli.commands["run"].make_context("run", words).params
            for verb, *words in commands(text)
            if verb == "run"
        ]
        return {
            (run["suite_name"], task, row, run["dtype"])
            for run in runs
            for task in run["tasks"]
            for row in run["solvers"]
            if not run["dry_run"]
        }

    assert rows(guide) == rows(page)
    hours = [
        float(text) for text in re.findall(r"^\| (?:RED-diff|\*\*in all).*\| \**([\d.]+)\** \|$", page, re.M)
    ]
    *own, total = hours
    assert len(own) == 4
    for said in (f"is {own[0]:.0f} h", f"are {sum(own):.0f} h", f"are {total:.0f} h"):
        assert said in guide, said
