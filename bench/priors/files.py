"""Files of weights: where they are, how they get there, and how they are read."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.priors.cards import Classifier, PriorError, Weights, read_card
from bench.priors.unet import build_classifier, build_unet, check_state
from bench.system.cache import cache_dir, sha256
from bench.system.downloads import DownloadError, Progress, download, silent

RESTORE = "restore the file"


def priors_dir() -> Path:
    """Where fetched weights are kept."""
    return cache_dir() / "priors"


def find_weights(weights: Weights, card: Path) -> Path | None:
    """The file, beside its card or in the cache; None where it is missing."""
    places = (card.parent / weights.file, priors_dir() / weights.file)
    return next((path for path in places if path.is_file()), None)


def missing_files(name: str) -> list[str]:
    """The files that a prior lacks here."""
    card, place = read_card(name)
    return [weights.file for weights in card.weights if find_weights(weights, place) is None]


def fetch_prior(
    name: str,
    source: Path | None = None,
    say: Callable[[str], object] = silent,
    progress: Callable[[str], Progress] = lambda _: silent,
) -> list[Path]:
    """Puts the files of a prior into the cache, verified; opens no connection where they are already there.

    Args:
        name: of a card, or its path.
        source: a local copy of a file, or a folder with all of them; None downloads.
        say: called with one line of text for every step.
        progress: what is called during the transfer of a file, from its name.

    Raises:
        PriorError: unknown prior, or a local copy that is not what the card says.
        DownloadError: a file could not be downloaded; says what can be done instead.

    """
    card, place = read_card(name)
    found = []
    for weights in card.weights:
        path, local = find_weights(weights, place), source and _local(weights, source, len(card.weights) > 1)
        replaced = local is not None and weights.sha256 is None  # the user may know better what it should be
        if path is not None and not replaced and _sound(path, weights, say):
            say(f"{weights.file}: already there")
        elif local is not None:
            path = _take(weights, local)
        elif source is not None:
            path = None
        else:
            say(f"{weights.file}: downloading{_amount(weights)}")
            path = _download(weights, name, progress(weights.file))
        found += [path] if path else []
    if not found:
        raise PriorError(
            f"{source}: call it {' or '.join(w.file for w in card.weights)}, so that it is clear which one it is"
        )
    return found


def _sound(path: Path, weights: Weights, say: Callable[[str], object]) -> bool:
    """Whether a file is what it should be; one in the cache that is not is removed."""
    try:
        verify(path, weights)
        check_names(path, weights)
    except PriorError as error:
        if path.parent != priors_dir():
            raise
        say(f"{error}: removed")
        path.unlink()
        _note(path).unlink(missing_ok=True)
        return False
    return True


def _local(weights: Weights, source: Path, several: bool) -> Path | None:
    """The user's copy, of any name where it is the only file or its hash tells what it is; None if it is of
    another file.

    Raises:
        PriorError: there is none.

    """
    local = source / weights.file if source.is_dir() else source
    if not local.is_file():
        raise PriorError(f"no file {local}")
    return None if several and local.name != weights.file and weights.sha256 is None else local


def _take(weights: Weights, local: Path) -> Path:
    """A verified copy of a local file."""
    path, draft = priors_dir() / weights.file, priors_dir() / f"{os.getpid()}.part.{weights.file}"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(local, draft)
        digest = verify(draft, weights, str(local))
        check_names(draft, weights, str(local))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _note(path).write_text(f"{digest}  {path.name}\n")
    return path


def _download(weights: Weights, name: str, progress: Progress) -> Path:
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


def _amount(weights: Weights) -> str:
    """How much is to be expected, as far as the card knows."""
    size, about = weights.size or weights.size_about, "" if weights.size else "about "
    return f" {about}{size / 1e6:,.1f} MB" if size else ""


def _note(path: Path) -> Path:
    """Beside a fetched file: its sha256, as sha256sum writes it."""
    return path.with_name(f"{path.name}.sha256")


def verify(path: Path, weights: Weights, shown: str = "") -> str:
    """The sha256 of a file, which must be the card's, else the one written down when the file was fetched.

    Args:
        shown: what messages call the file, if not by its path.

    Raises:
        PriorError: it is another one, or the size is; if it is of another architecture, with the first name
            that differs.

    """
    shown = shown or str(path)
    if weights.size is not None and (size := path.stat().st_size) != weights.size:
        raise PriorError(
            f"{shown}: {size} bytes, the card says {weights.size}{_difference(path, weights)}; {RESTORE}"
        )
    found, note = sha256(path), _note(path)
    if weights.sha256 is not None and found != weights.sha256:
        what = f"sha256 {found[:12]}... is not the card's {weights.sha256[:12]}..."
        raise PriorError(f"{shown}: {what}{_difference(path, weights)}; {RESTORE}")
    if weights.sha256 is None and note.is_file() and (known := note.read_text()[:64]) != found:
        raise PriorError(
            f"{shown}: sha256 {found[:12]}... is not {known[:12]}... as when it was fetched; fetch it again"
        )
    return found


def empty_network(weights: Weights) -> nn.Module:
    """The network of a card, or of its classifier, on the meta device: names and shapes without memory.

    Raises:
        PriorError: there is none of that architecture.

    """
    build = build_classifier if isinstance(weights, Classifier) else build_unet
    try:
        with torch.device("meta"):
            return build(**weights.architecture.model_dump(exclude_unset=True))
    except Exception as error:  # the library's asserts and type errors alike
        raise PriorError(f"'architecture': cannot be built: {error}") from error


def check_names(path: Path, weights: Weights, shown: str = "") -> None:
    """Refuses a file without a known sha256 that is no checkpoint of the card's architecture; the hash proves
    the others.

    Raises:
        PriorError: it is not, with the first name that differs.

    """
    if weights.sha256 is None:
        try:
            check_state(empty_network(weights), read_state(path), shown or str(path))
        except ValueError as error:
            raise PriorError(str(error).replace(str(path), shown or str(path))) from None


def _difference(path: Path, weights: Weights) -> str:
    """What else is to be said of a file that is not the card's: which name differs, if it holds another
    architecture.
    """
    try:
        check_state(empty_network(weights), read_state(path), "")
    except PriorError:
        return ""
    except ValueError as error:
        return str(error)
    return ""


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors by name, mapped from the file: nothing is in memory before it is used.

    Raises:
        PriorError: not such a file. Checkpoints are unpickled as weights only: nothing in them is executed.

    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except SafetensorError as error:
        raise PriorError(f"{path}: not a safetensors file ({error})") from None
    except OSError:
        raise
    except Exception as error:  # what a damaged pickle raises is anything, an IndexError too
        reason = (str(error).splitlines() or ["damaged"])[0].partition(". ")[
            0
        ]  # torch goes on with advice for its own callers
        raise PriorError(f"{path}: not a checkpoint of weights ({reason})") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise PriorError(f"{path}: not a plain dictionary of tensors by name")
    return dict(state)


def _is_zip(path: Path) -> bool:
    """Whether a checkpoint has the format that can be mapped; the older one is a bare pickle."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """Identity of weights that did not come as one file: names, types, shapes and bytes, in the order of the
    names.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
