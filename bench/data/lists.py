"""Lists of images: found, derived or downloaded, and used only if their sha256 is the card's."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.data.cards import DATASETS, DataError, IdList, ListedCard, read_bytes, read_card
from bench.data.collections import COLLECTIONS, ListEntry, by_min_side, user_folder
from bench.system.cache import cache_dir
from bench.system.downloads import DownloadError, download

LINE = re.compile(r"(?:(?P<group>[\w.-]+)/)?(?P<id>[\w.-]+)\.[A-Za-z]+ (?P<label>\d+)")


class ListUnavailable(Exception):
    """A list cannot be had; the message says why, and what to do."""


def entries(card: ListedCard, path: Path) -> list[ListEntry]:
    """The images of a card, in order.

    Args:
        card: the content of the card.
        path: of the card.

    Raises:
        DataError: the list is not there, not the one that the card pins, or not a list.

    """
    if card.id_list is None:
        return [ListEntry(name, _thousand(name)) for name in card.numbered]
    file = find_list(card.id_list, path)
    if file is None:
        raise DataError(
            f"{path.stem}: its list {card.id_list.file} is not in {lists_dir()}; "
            f"`python -m bench fetch lists {_argument(path)}` gets it"
        )
    content = read_bytes(file)
    if not _right(card.id_list, content):
        raise DataError(
            f"{file}: sha256 is {_sha256(content)[:16]}..., the card says {card.id_list.sha256[:16]}...; "
            f"remove it, then `python -m bench fetch lists {_argument(path)}` gets it again"
        )
    found = [_entry(file, k, line) for k, line in enumerate(content.decode().splitlines(), 1)]
    if len(found) != card.count:
        raise DataError(f"{file}: {len(found)} entries, the card says {card.count}; correct the card")
    return found


def lists_dir() -> Path:
    """Where fetched lists are kept."""
    return cache_dir() / "lists"


def find_list(id_list: IdList, card: Path) -> Path | None:
    """The file of a list, beside the card or in the cache; None if it is in neither."""
    for folder in (card.parent, lists_dir()):
        if (folder / id_list.file).is_file():
            return folder / id_list.file
    return None


def fetch_list(
    path: Path,
    root: Path | None = None,
    source: Path | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Path:
    """Puts the list of a card into the cache.

    It comes from the given file, else from the card's rule, else from where it is published.

    Args:
        path: of the card.
        root: the user's folder, for a rule that needs the images.
        source: a local copy, or a folder that has it.
        say: called with one line of text for every step.

    Returns:
        Path of the verified list.

    Raises:
        ListUnavailable: it could not be had; the message has the reason for every way.
        DataError: the card has no list.

    """
    card = read_card(path)
    if not isinstance(card, ListedCard) or card.id_list is None:
        raise DataError(f"{path.stem}: this data set has no list to fetch")
    id_list = card.id_list
    present = find_list(id_list, path)
    if source is None and present is not None and _right(id_list, read_bytes(present)):
        say(f"{id_list.file}: in {present.parent}")
        return present
    try:
        content = _obtain(id_list, _ways(card, id_list, path, root, source), say)
    except ListUnavailable as error:
        advice = f"get it elsewhere and run `python -m bench fetch lists {_argument(path)} --from FILE`"
        raise ListUnavailable(f"{id_list.file} cannot be had: {error}; {advice}") from None
    return _store(lists_dir() / id_list.file, content)


Way = tuple[str, Callable[[], list[bytes]]]
"""A way to get a list in words, and a function that gives one or more candidates for its content."""


def _ways(
    card: ListedCard, id_list: IdList, path: Path, root: Path | None, source: Path | None
) -> Iterator[Way]:
    """The ways to get a list, in the order in which they are tried."""
    if source is not None:
        file = source / id_list.file if source.is_dir() else source
        yield f"reading {file}", lambda: [read_bytes(file)]
        return
    if id_list.head_of is not None:
        other = path.with_name(f"{id_list.head_of}.toml")
        yield f"from the list of {id_list.head_of}", partial(_head, other, card.count)
    if id_list.min_side is not None:
        rule = partial(_by_rule, card, id_list.min_side, root)
        yield "by its rule from the user's folder", rule
    if id_list.urls:
        yield "downloading", lambda: [_download(id_list.urls, id_list.sha256)]


def _obtain(id_list: IdList, ways: Iterable[Way], say: Callable[[str], object]) -> bytes:
    """The content of a list by the first way that gives it.

    Raises:
        ListUnavailable: no way does; the message has the reason for each.

    """
    reasons = []
    for way, candidates in ways:
        say(f"{id_list.file}: {way}")
        try:
            return _pick(id_list, candidates())
        except (DataError, DownloadError, OSError) as error:
            reasons.append(f"{way}: {error}")
    raise ListUnavailable("; ".join(reasons))


def _pick(id_list: IdList, candidates: list[bytes]) -> bytes:
    """The candidate with the list's sha256.

    Raises:
        DataError: there is none.

    """
    for content in candidates:
        if _right(id_list, content):
            return content
    found = _sha256(candidates[0])
    raise DataError(f"sha256 is {found[:16]}..., the card says {id_list.sha256[:16]}...")


def _head(card: Path, count: int) -> list[bytes]:
    """Candidates made of the first entries of another card's list."""
    parent = read_card(card)
    if not isinstance(parent, ListedCard) or parent.id_list is None:
        raise DataError(f"{card}: this data set has no list")
    entries(parent, card)
    file = find_list(parent.id_list, card)
    assert file is not None, "its entries were read"
    return _texts(read_bytes(file).decode().splitlines()[:count])


def _by_rule(card: ListedCard, min_side: int, root: Path | None) -> list[bytes]:
    """Candidates made of the first images that are large enough."""
    collection = COLLECTIONS[card.collection]
    return _texts(by_min_side(collection, user_folder(collection, root), min_side, card.count))


def _texts(lines: Sequence[str]) -> list[bytes]:
    """The lines with a newline at the end and without: published lists have either."""
    text = "\n".join(lines)
    return [f"{text}\n".encode(), text.encode()]


def _download(urls: Sequence[str], sha256: str) -> bytes:
    """Downloads a list, which has less than a megabyte.

    The hash also guards a transfer from a server that does not say how long the file is.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        download(urls, path, sha256=sha256)
        return path.read_bytes()


def _store(path: Path, content: bytes) -> Path:
    """Writes a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    draft.write_bytes(content)
    return draft.replace(path)


def _entry(file: Path, number: int, line: str) -> ListEntry:
    """Parses a line of a list; errors name the file and the line's number."""
    match = LINE.fullmatch(line.strip())
    if match is None:
        raise DataError(f"{file}:{number}: '{line[:60]}' is not '<folder>/<name>.<suffix> <class>'")
    return ListEntry(match["id"], match["group"] or "", int(match["label"]))


def _thousand(name: str) -> str:
    """The folder of a numbered image in a collection that keeps a thousand in each: 00123 -> 00000."""
    return f"{int(name) // 1000 * 1000:05d}" if name.isdigit() else ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _right(id_list: IdList, content: bytes) -> bool:
    return _sha256(content) == id_list.sha256


def _argument(path: Path) -> str:
    """How the command line names a card: by its name, or by its path where it is the user's own."""
    return path.stem if path.parent == DATASETS else str(path)
