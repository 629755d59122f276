"""Files of weights: where they are, how they get there, and how they are read."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.priors.cards import ClassifierWeights, NetworkWeights, PriorError, read_card
from bench.priors.unet import build_classifier, build_unet
from bench.system.cache import cache_dir, sha256
from bench.system.downloads import DownloadError, Progress, download, silent
from bench.system.weights import WeightsError, read_tensors, refuse_difference

RESTORE = "restore the file"


def priors_dir() -> Path:
    """Where fetched weights are kept."""
    return cache_dir() / "priors"


def find_weights(weights: NetworkWeights, card: Path) -> Path | None:
    """The file of weights, beside its card or in the cache; None where it is missing."""
    for folder in (card.parent, priors_dir()):
        if (folder / weights.file).is_file():
            return folder / weights.file
    return None


def missing_files(name: str) -> list[str]:
    """Names of the files that a prior lacks on this machine."""
    card, place = read_card(name)
    return [weights.file for weights in card.weights if find_weights(weights, place) is None]


def fetch_prior(
    name: str,
    source: Path | None = None,
    say: Callable[[str], object] = silent,
    progress: Callable[[str], Progress] = lambda _: silent,
) -> list[Path]:
    """Puts the verified files of a prior into the cache; opens no connection for those that are there.

    Args:
        name: of a card, or its path.
        source: a local copy of a file, or a folder with all of them; None downloads.
        say: called with one line of text for every step.
        progress: maps the name of a file to the function that is called during its transfer.

    Returns:
        The paths of the files.

    Raises:
        PriorError: unknown prior, or a local copy that is not what the card says.
        DownloadError: a file could not be downloaded; the message says what can be done instead.

    """
    card, place = read_card(name)
    found = []
    for weights in card.weights:
        local = None if source is None else _local(weights, source, len(card.weights) > 1)
        path = find_weights(weights, place)
        replaced = local is not None and weights.sha256 is None  # the user may know better what it should be
        if path is not None and not replaced and _sound(path, weights, say):
            say(f"{weights.file}: already there")
            found.append(path)
        elif local is not None:
            found.append(_take(weights, local))
        elif source is None:
            say(f"{weights.file}: downloading{_amount(weights)}")
            found.append(_download(weights, name, progress(weights.file)))
    if not found:
        names = " or ".join(weights.file for weights in card.weights)
        raise PriorError(f"{source}: call it {names}, so that it is clear which one it is")
    return found


def _sound(path: Path, weights: NetworkWeights, say: Callable[[str], object]) -> bool:
    """Whether a file is the card's; a wrong one is removed from the cache."""
    try:
        check_sha256(path, weights)
        check_names(path, weights)
    except PriorError as error:
        if path.parent != priors_dir():
            raise
        say(f"{error}: removed")
        path.unlink()
        _note(path).unlink(missing_ok=True)
        return False
    return True


def _local(weights: NetworkWeights, source: Path, several: bool) -> Path | None:
    """The user's copy of a file; None if the copy is of another file of the prior.

    It may have any name where the prior has one file, or where its hash will tell what it is.

    Raises:
        PriorError: there is none.

    """
    local = source / weights.file if source.is_dir() else source
    if not local.is_file():
        raise PriorError(f"no file {local}")
    if several and weights.sha256 is None and local.name != weights.file:
        return None
    return local


def _take(weights: NetworkWeights, local: Path) -> Path:
    """Copies a local file into the cache and verifies it; the path of the copy."""
    path, draft = priors_dir() / weights.file, priors_dir() / f"{os.getpid()}.part.{weights.file}"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(local, draft)
        digest = check_sha256(draft, weights, str(local))
        check_names(draft, weights, str(local))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _note(path).write_text(f"{digest}  {path.name}\n")
    return path


def _download(weights: NetworkWeights, name: str, progress: Progress) -> Path:
    """Downloads a file into the cache and verifies it; errors say how to get it by hand."""
    path = priors_dir() / weights.file
    by_hand = weights.by_hand or "get it on a machine that has a connection"
    advice = f"{by_hand}, then run `python -m bench fetch priors {name} --from FILE`"
    if not weights.urls:
        raise DownloadError(f"{weights.file} cannot be downloaded by a program: {advice}")
    try:
        digest = download(weights.urls, path, weights.size, weights.sha256, progress)
    except DownloadError as error:
        raise DownloadError(f"{weights.file} could not be downloaded ({error}); {advice}") from error
    try:
        check_names(path, weights)
    except PriorError as error:
        path.unlink()
        raise DownloadError(f"{error}: removed; {advice}") from error
    _note(path).write_text(f"{digest}  {path.name}\n")
    return path


def _amount(weights: NetworkWeights) -> str:
    """The size of a download in words, as far as the card knows it."""
    if weights.size:
        return f" {weights.size / 1e6:,.1f} MB"
    if weights.size_about:
        return f" about {weights.size_about / 1e6:,.1f} MB"
    return ""


def _note(path: Path) -> Path:
    """Path of the note beside a fetched file, which has its sha256 as sha256sum writes it."""
    return path.with_name(f"{path.name}.sha256")


def check_sha256(path: Path, weights: NetworkWeights, called: str = "") -> str:
    """Refuses a file whose sha256 is not the card's, or else not the one noted when the file was fetched.

    Args:
        path: of the file.
        weights: what the card says of it.
        called: the name of the file in messages, if not its path.

    Returns:
        The sha256 of the file.

    Raises:
        PriorError: the hash or the size is another one. For a file of another architecture, the message has
            the first name that differs.

    """
    called = called or str(path)
    check_size(path, weights, called)
    found, note = sha256(path), _note(path)
    if weights.sha256 is not None:
        if found != weights.sha256:
            hashes = f"sha256 {found[:12]}... is not the card's {weights.sha256[:12]}..."
            raise PriorError(f"{called}: {hashes}{_difference(path, weights)}; {RESTORE}")
    elif note.is_file():
        known = note.read_text()[:64]
        if known != found:
            hashes = f"sha256 {found[:12]}... is not {known[:12]}... as when it was fetched"
            raise PriorError(f"{called}: {hashes}; fetch it again")
    return found


def check_size(path: Path, weights: NetworkWeights, called: str = "") -> None:
    """Refuses a file whose size is not the card's, where it says one; as `check_sha256`."""
    size = path.stat().st_size
    if weights.size is not None and size != weights.size:
        sizes = f"{size} bytes, the card says {weights.size}"
        raise PriorError(f"{called or path}: {sizes}{_difference(path, weights)}; {RESTORE}")


def empty_network(weights: NetworkWeights) -> nn.Module:
    """Builds the network of a card, or its classifier, on the meta device: names and shapes, no memory.

    Raises:
        PriorError: no network has that architecture.

    """
    build = build_classifier if isinstance(weights, ClassifierWeights) else build_unet
    try:
        with torch.device("meta"):
            return build(**weights.architecture.model_dump(exclude_unset=True))
    except Exception as error:  # the library's asserts and type errors alike
        raise PriorError(f"'architecture': cannot be built: {error}") from error


def check_names(path: Path, weights: NetworkWeights, called: str = "") -> None:
    """Refuses a file without a known sha256 that is no checkpoint of the card's architecture.

    A file with a known sha256 is proved by it.

    Args:
        path: of the file.
        weights: what the card says of it.
        called: the name of the file in messages, if not its path.

    Raises:
        PriorError: it is none; the message counts what differs and names the first of each kind.

    """
    if weights.sha256 is None:
        check_entries(path, weights, called)


def check_entries(path: Path, weights: NetworkWeights, called: str = "") -> None:
    """Refuses a file, by its header, that is no checkpoint of the card's architecture; as `check_names`."""
    called = called or str(path)
    try:
        refuse_difference(empty_network(weights).state_dict(), read_state(path), called)
    except ValueError as error:
        raise PriorError(str(error).replace(str(path), called)) from None


def _difference(path: Path, weights: NetworkWeights) -> str:
    """Adds to a message what a file holds, where that is not the card's architecture."""
    try:
        check_entries(path, weights)
    except PriorError as error:
        return str(error).removeprefix(str(path))
    return ""


def read_state(path: Path) -> dict[str, Tensor]:
    """Reads tensors by name. They are mapped from the file: nothing is in memory before it is used.

    Checkpoints are unpickled as weights only: nothing in them is executed.

    Raises:
        PriorError: the file is no safetensors file and no checkpoint of tensors; the message says what it is.

    """
    try:
        return read_tensors(path)
    except WeightsError as error:
        raise PriorError(str(error)) from None


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """Hashes weights that did not come as one file: names, types, shapes and bytes, sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
