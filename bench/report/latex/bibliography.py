"""What tables cite: BibTeX entries from manifests, or else from cards, checked before LaTeX sees them."""

import re
from collections.abc import Mapping

from bench.report.latex.text import escape
from bench.report.rows import Row
from bench.suites.cards import ENTRY, list_cards

HARMLESS = re.compile(
    r"\\(?:[`'^\"~=.&%$#_{} -]|(?:[cvuHkbdrt]|o|O|l|L|i|j|ss|aa|AA|ae|AE|oe|OE)(?![A-Za-z]))"
)
"""Accents, letters and signs; any other command of an entry would run where its title is set."""
KEY = re.compile(r"[A-Za-z0-9:.+/_-]+")
PLACE = re.compile(r"\d{4}\.\d{4,5}|[a-z.-]+/\d{7}|openreview:|doi:|https?://")
"""The beginning of a paper that can be found; anything else is words."""


class Bibliography:
    """Collects the entries of the rows that tables show, each under a key of its own.

    Attributes:
        entries: key -> entry.
    """

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        """Entry as it was found -> key."""

    def cite(self, row: Row) -> str:
        """The citation of a row's method, after an unbreakable space; "" where there is no paper."""
        found = entry_of(row)
        if not found:
            return ""
        if found not in self._keys:
            self._keys[found] = self._add(found)
        return rf"~\cite{{{self._keys[found]}}}"

    def _add(self, entry: str) -> str:
        """Keeps an entry; its key gets a number where another entry has it."""
        head, _, rest = entry.partition(",")
        kind, _, wanted = head.partition("{")
        key, n = wanted, 1
        while key in self.entries:
            n += 1
            key = f"{wanted}-{n}"
        self.entries[key] = f"{kind}{{{key},{rest}"
        return key

    def text(self) -> str:
        """The .bib file."""
        return "\n\n".join(self.entries.values()) + "\n" if self.entries else ""


def entry_of(row: Row) -> str:
    """The entry of a row's method: as its manifest has it, else as our card has it, else from its paper."""
    method, head = row.method, row.head
    if row.entry and row.entry.bibtex and is_harmless(row.entry.bibtex):
        return row.entry.bibtex.strip()
    card = list_cards().get(head.solver)
    if card and card.bibtex and card.paper == method.paper and not head.source_sha256:
        return card.bibtex.strip()
    return from_paper(method.title or head.solver, method.paper, head.solver) if method.paper else ""


def is_harmless(entry: str) -> bool:
    """Whether a text is one BibTeX entry without commands that do more than show letters.

    Manifests come from anywhere, and LaTeX would run what a title says.
    """
    head = ENTRY.match(entry)
    if not head or not KEY.fullmatch(head[0].partition("{")[2].rstrip(",")):
        return False
    depth, closed = 0, 0
    bare = HARMLESS.sub("", entry)
    for mark in re.findall(r"[{}]", bare):
        depth += 1 if mark == "{" else -1
        closed += depth == 0
    return (depth, closed) == (0, 1) and bare.rstrip()[-1] == "}" and not re.search(r"[\\$^#~%]", bare)


def from_paper(title: str, paper: str, name: str) -> str:
    """An entry of what is known of a paper: the title, and where to read it.

    Args:
        paper: an arXiv number, ``openreview:<id>``, ``doi:<id>``, an address, or other words.
        name: of the method. It is what styles sort by, and the key where the paper is but words, such as
            "unpublished", which many methods may have.
    """
    site, _, place = paper.partition(":")
    fields: Mapping[str, str] = {"note": escape(paper)}
    if re.fullmatch(r"\d{4}\.\d{4,5}(v\d+)?", paper):
        fields = {"eprint": paper, "archivePrefix": "arXiv", "note": f"arXiv:{paper}"}
    elif site == "doi":
        fields = {"note": f"doi: {escape(place)}"}
    lines: list[str] = []
    for field, value in {"key": escape(name), "title": escape(title), **fields}.items():
        lines.append(f"  {field} = {{{value}}}")
    return "@misc{" + _key(paper if PLACE.match(paper) else name) + ",\n" + ",\n".join(lines) + "\n}"


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "paper"
