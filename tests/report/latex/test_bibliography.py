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
    assert entry_of(row()).startswith("@misc{1234-56789,\n  key = {mine},\n  title = {A\\_title},")
    assert entry_of(Row("x", (make(0, solver="mine", paper=""),))) == ""


@pytest.mark.parametrize("order", [1, -1])
def test_methods_without_a_place_to_read_have_keys_of_their_names_in_any_order(order):
    """Of two variants of one of them there is one entry."""
    cited, names = Bibliography(), ["MyMethod", "Other_One", "MyMethod"]
    keys = {}
    for name in names[::order]:
        keys[name] = cited.cite(Row(name, (make(0, solver=name, paper="unpublished"),)))
    assert keys == {"MyMethod": r"~\cite{MyMethod}", "Other_One": r"~\cite{Other-One}"}
    assert "@misc{Other-One,\n  key = {Other\\_One},\n  title = {Other\\_One},\n" in cited.text()
    assert cited.text().count("@misc{") == cited.text().count("note = {unpublished}") == 2


@pytest.mark.parametrize(
    ("paper", "key"),
    [
        ("2209.14687v2", "2209-14687v2"),
        ("astro-ph/0601234", "astro-ph-0601234"),
        ("openreview:Ab1", "openreview-Ab1"),
        ("doi:10.1/x", "doi-10-1-x"),
        ("https://a.b/c", "https-a-b-c"),
        ("in preparation: 2030", "mine"),
    ],
)
def test_a_paper_that_can_be_found_gives_the_key(paper, key):
    entry = entry_of(Row("x", (make(0, solver="mine", paper=paper),)))
    assert entry.startswith(f"@misc{{{key},\n  key = {{mine}},\n")


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
