"""The papers and certificates behind the rows of a table."""

from dataclasses import replace

import pytest

from bench.certify.certificates import read_certificates
from bench.records.manifest import RunManifest
from bench.report.markdown.sources import certified, sources
from bench.report.tables import build
from tests.made_run import asked, record


def ours(name, **changes):
    return record("best", 0, label=name, cell=name, key=name, **changes)


@pytest.fixture
def known():
    """The hash of certified code of DPS."""
    return read_certificates()["dps"].code_sha256


def test_each_code_is_said_once_and_baselines_not(known):
    rows = [
        ours("a", solver="dps", code_sha256=known),
        ours("b", solver="dps", code_sha256=known),
        ours("c", solver="dps", code_sha256="0" * 64, paper="other"),
        ours("d", solver="dps", code_sha256="1" * 64),
        record("pinv", 0),
    ]
    papers, good, bad = sources(build(rows, []))
    assert papers == "Papers: dps [arXiv:2209.14687](https://arxiv.org/abs/2209.14687); dps other."
    assert (
        good.startswith("Certified: `dps` (") and f"code {known[:12]})" in good and good.count("`dps`") == 1
    )
    assert ". Not certified: what a clip of x0" in good
    assert bad.startswith("Uncertified: `dps` (code 000000000000") and "pinv" not in papers + good + bad
    assert "; code 111111111111" in bad and bad.count("`dps`") == 1


def test_a_row_is_certified_where_all_its_code_is(known):
    """Its records may be of several codes, and a baseline has no laws."""
    found = []
    for i, code in enumerate((known, "0" * 64)):
        mixed = record("best", i, solver="dps", label="mixed", cell="mixed", code_sha256=code)
        whole = replace(mixed, label="whole", cell="whole", code_sha256=known)
        found += [mixed, whole, record("pinv", i)]
    (table,) = build(found, [])
    state = {row.name: certified(row) for row in table.rows}
    assert state == {"whole": "certified", "mixed": "uncertified", "pinv": ""}


def test_titles_and_papers_are_those_of_the_manifest():
    """A user's class need not name the paper that its card has; older manifests have no titles."""
    row = {"label": "best", "cells": {"blur": "best"}, "kind": "method", "order": 1000}
    described = row | {"title": "A *new* method", "paper": "2401.00001"}
    found = [ours("best", solver="Mine", paper="")]
    for entry, says in (
        (
            described,
            "Papers: Mine: *A \\*new\\* method* [arXiv:2401.00001](https://arxiv.org/abs/2401.00001).",
        ),
        (row | {"title": "Unpublished"}, "Papers: Mine: *Unpublished*."),
    ):
        runs = [asked() | {"rows": [entry]}, asked() | {"rows": [row | {"kind": None}]}]
        tables = build(found, [RunManifest.from_disk(run) for run in runs])
        assert sources(tables)[0] == says, "in the newest manifest that describes the method"
