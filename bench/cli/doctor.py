"""The findings of `doctor`: what is here, what is missing or wrong, and the step that mends it."""

import os
import shutil
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from bench.data import (
    DataError,
    ListedCard,
    ListedDataset,
    card_path,
    image_files,
    list_datasets,
    load_dataset,
    names_folder,
)
from bench.data import read_card as read_dataset_card
from bench.data.folders import check_photograph
from bench.data.headers import UnusableFiles, survey
from bench.data.listed import problems_of
from bench.metrics.assets import AssetUnavailable, find_backbone
from bench.metrics.backbones import BACKBONES, CHECKPOINTS
from bench.metrics.checkpoints import find_checkpoint
from bench.names import counted, nearest
from bench.operators import make_operator
from bench.priors import (
    PriorError,
    check_sha256,
    find_weights,
    list_priors,
    load_prior,
    missing_files,
    read_card,
)
from bench.priors.files import check_entries, check_size
from bench.suites.yamlfile import SuiteError
from bench.system.cache import cache_dir
from bench.system.code.user_code import is_user_code
from bench.system.device import device_name, threads
from bench.system.versions import versions

SUPPLIED = ("inpaint_freeform", "blur_nonlinear")
"""Operators that need a file which is not shipped."""

SHAPE = (3, 256, 256)

HASHED = 200e6
"""Bytes of the largest file of weights that is hashed here; larger ones are known by their headers."""

FEW = 3
"""Problems of one thing that stand on its line."""

LITTLE = 10e9
"""Free bytes below which the priors at 256 px hardly fit into the cache."""


State = Literal["ok", "missing", "wrong", "note"]


class Finding(NamedTuple):
    """One line about one thing.

    Attributes:
        text: what was found and, where it is not ok, what to do.
    """

    what: str
    state: State
    text: str

    def __str__(self) -> str:
        return f"{self.state:8}{self.what}: {self.text}"


def examine(names: Sequence[str] = (), root: Path | None = None) -> Iterator[Finding]:
    """Looks at data sets, priors, networks of metrics and operators that need a file.

    Headers say most of what a run would refuse. Only small files are hashed.

    Args:
        names: what to look at, also paths of cards and folders of images, and priors as ``run --prior`` takes
            them; without any, everything is looked at, also devices, versions and the disk.
        root: where the user's images are.

    Raises:
        SuiteError: an unknown name.

    """
    groups: list[tuple[Callable[[str], Finding], Sequence[str]]] = [
        (partial(_dataset, root=root), list_datasets()),
        (_prior, list_priors()),
        (_backbone, [*BACKBONES, *CHECKPOINTS]),
        (_supplied, SUPPLIED),
    ]
    known = list(dict.fromkeys(name for _, group in groups for name in group))
    given = {name: _look_at(name, root) for name in names if name not in known}
    for name, look in given.items():
        if look is None:
            choice = ", or a card (.toml), a folder of images with a slash in its name, or a prior's name"
            raise SuiteError(f"doctor: unknown '{name}'{nearest(name, known)}{choice}")
    for look, group in groups:
        yield from (look(name) for name in group if not names or name in names)
    for name, look in given.items():
        assert look is not None, "refused above"
        yield look(name)
    if not names:
        yield from (_device(), _versions(), _disk())


def _look_at(name: str, root: Path | None) -> Callable[[str], Finding] | None:
    """The way to look at what a user names by its place; None where there is none."""
    if name.endswith(".toml"):
        return _prior if _is_priors_card(Path(name)) else partial(_dataset, root=root)
    if names_folder(name):
        return _folder
    if is_user_code(name):  # also diffusers: and azula:
        return _made_prior
    return _absent_folder if "/" in name or "\\" in name else None


def _is_priors_card(path: Path) -> bool:
    """Whether a card is of a prior, and not of a data set."""
    try:
        return "architecture" in tomllib.loads(path.read_text())
    except (OSError, ValueError):
        return False


def _dataset(name: str, root: Path | None) -> Finding:
    """A data set. Where its list is missing its folder may be too: both are said at once."""
    what = f"data set {name}"
    problems: list[str] = []
    try:
        path = card_path(name)
        card = read_dataset_card(path)
        if isinstance(card, ListedCard):
            problems = problems_of(path, card, root)
        if not problems:
            data = load_dataset(name, root)
    except DataError as error:
        problems = error.problems if isinstance(error, UnusableFiles) else [str(error)]
    if problems:
        absent = any(word in problems[0] for word in ("no folder", "missing", "has none of", "is not in"))
        return Finding(what, "missing" if absent else "wrong", _listed(problems))
    where = f" in {data.place}" if isinstance(data, ListedDataset) else ""
    listed = "; the list is the card's" if where and data.labels else ""
    return Finding(
        what, "ok", f"{len(data.ids)} of {len(data.ids)} images{where}{listed}{_notes(data.notes)}"
    )


def _folder(name: str) -> Finding:
    """A folder of photographs for ``--images-dir``, whatever the size of the prior's images."""
    what, folder = f"folder {name}", Path(name).expanduser()
    try:
        found = image_files(folder)
    except DataError as error:
        return Finding(what, "wrong", str(error))
    files = list(found.files.values())
    problems = survey(files, check_photograph)[1]
    if problems:
        bad = f"{len(problems)} of {counted(len(files), 'image')} cannot be used"
        return Finding(what, "wrong", f"{bad}: {_listed(problems)}")
    return Finding(what, "ok", counted(len(files), "image") + _notes([found.note] if found.note else []))


def _absent_folder(name: str) -> Finding:
    """A path, which no name has, that leads to no folder."""
    return Finding(f"folder {name}", "missing", "no such folder")


def _listed(problems: Sequence[str]) -> str:
    """A few problems on the line, more below it."""
    if len(problems) <= FEW:
        return "; ".join(problems)
    return "".join(f"\n{'':8}{problem}" for problem in problems)


def _notes(notes: Sequence[str]) -> str:
    """What is not wrong and yet worth a word."""
    return "".join(f"; {note.removeprefix('note: ')}" for note in notes)


def _prior(name: str) -> Finding:
    """The weights of a prior: there, and by their headers, or hashes, what the card says."""
    what, found, problems = f"prior {name}", [], []
    try:
        card, place = read_card(name)
        if missing := missing_files(name):
            fetch = f"`python -m bench fetch priors {name}"
            copy = f"{fetch} --from FILE` takes your copy"
            advice = f"{fetch}` gets them, {copy}" if card.urls else copy
            return Finding(what, "missing", f"{', '.join(missing)}: not here; {advice}")
        for weights in card.weights:
            path = find_weights(weights, place)
            assert path is not None, "missing_files had found it"
            size = path.stat().st_size
            try:
                if size <= HASHED:
                    check_sha256(path, weights)
                else:
                    check_size(path, weights)
                check_entries(path, weights)
            except PriorError as error:
                problems.append(str(error))
            unhashed = "" if size <= HASHED else "; its sha256 is checked when it is used"
            found.append(f"{path}, {size / 1e6:.0f} MB{unhashed}")
    except PriorError as error:
        problems = [str(error)]
    if problems:
        return Finding(what, "wrong", _listed(problems))
    return Finding(what, "ok", ", ".join(found))


def _made_prior(name: str) -> Finding:
    """A prior of another library or of a user's function, which is loaded for that."""
    try:
        prior = load_prior(name)
    except PriorError as error:
        return Finding(f"prior {name}", "wrong", str(error))
    return Finding(f"prior {name}", "ok", f"images {tuple(prior.shape)}, weights {prior.weights_sha256[:12]}")


def _backbone(name: str) -> Finding:
    """The network of a metric."""
    find = find_backbone if name in BACKBONES else find_checkpoint
    try:
        path = find(name)
    except AssetUnavailable as error:
        text = str(error).removeprefix(f"{name}: ")
        return Finding(f"metric network {name}", "wrong" if "sha256" in text else "missing", text)
    return Finding(f"metric network {name}", "ok", str(path))


def _supplied(operator: str) -> Finding:
    """An operator that needs a file; building it checks all that is in the file."""
    try:
        make_operator(operator, SHAPE, [0])
    except ValueError as error:
        state: State = "missing" if str(error).startswith(f"{operator} needs ") else "wrong"
        return Finding(f"operator {operator}", state, str(error).removeprefix(operator).lstrip(": "))
    return Finding(f"operator {operator}", "ok", "its file is what it should be")


def _device() -> Finding:
    """The devices that torch can use."""
    names = [device_name(torch.device("cpu"))]
    if torch.cuda.is_available():
        names += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    text = f"{', '.join(names)}, {threads()} threads"
    if len(names) == 1:
        text += "; no GPU that this torch can use: at 256 px a CPU is good for trying out only"
    return Finding("devices", "note", text)


def _versions() -> Finding:
    """The versions that every record keeps."""
    return Finding("versions", "note", ", ".join(f"{name} {version}" for name, version in versions().items()))


def _disk() -> Finding:
    """The room in the cache, and whether it can be written."""
    folder = cache_dir()
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f"{folder}, {free / 1e9:.0f} GB free"
    if not os.access(there, os.W_OK):
        return Finding("cache", "wrong", f"{text}, cannot be written; BENCH_HOME names another folder")
    if free < LITTLE:
        text += "; BENCH_HOME names a folder on another disk"
    return Finding("cache", "note", text)
