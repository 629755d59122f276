"""BibTeX entries: where they come from, and what of foreign ones is let through."""

from dataclasses import replace

import pytest

from bench.records.manifest import RowEntry
from bench.report.latex.bibliography import Bibliography, entry_of, is_harmless
from bench.report.rows import Row
from tests.made_record import make

GOOD = r"@article{key, title = {The {\"O}ld {B}ird \& \'{e}}, author = {M{\o}ller, A}}"


def row(bibtex=None, **about):
    entry = RowEntry(label="x", kind="method", title="A_title", bibtex=bibtex, paper="1234.56789")
    return Row("x", (make(0, solver="mine", paper="1234.56789", **about),), entry=entry)


def test_an_entry_comes_from_the_manifest_else_from_the_paper():
    assert entry_of(row(GOOD)) == GOOD
    assert entry_of(row()).startswith("@misc{1234-56789,\n  title = {A\\_title},")
    assert entry_of(Row("x", (make(0, solver="mine", paper=""),))) == ""


def test_our_methods_have_the_entry_of_their_card_where_a_manifest_keeps_none():
    ours = Row("dps", (make(0, solver="dps", paper="2209.14687"),))
    assert "Chung, Hyungjin" in entry_of(ours)


@pytest.mark.parametrize(
    "entry",
    [
        r"@misc{k, title = {\input{/etc/passwd}}}",
        r"@misc{k, title = {\write18{rm}}}",
        r"@misc{k, title = {\url{x}}}",
        r"@misc{k, title = {$x$}}",
        r"@misc{k\x, title = {x}}",
        r"@misc{k, title = {x}} @preamble{{\input{y}}}",
        r"@misc{k, title = {x}",
        r"@misc{k, title = {\csname input\endcsname}}",
    ],
)
def test_an_entry_that_could_run_something_is_not_used(entry):
    assert not is_harmless(entry)
    assert entry_of(row(entry)).startswith("@misc{1234-56789,")


def test_equal_entries_share_a_key_and_equal_keys_do_not_share_an_entry():
    cited = Bibliography()
    other = replace(row(), entry=replace(row().entry, bibtex=GOOD.replace("ird", "ears")))
    assert [cited.cite(one) for one in (row(GOOD), row(GOOD), other)] == [
        r"~\cite{key}",
        r"~\cite{key}",
        r"~\cite{key-2}",
    ]
    assert is_harmless(GOOD) and cited.text().count("@article{key") == 2
