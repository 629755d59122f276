"""Cards: what there is to know about a method beside its algorithm, in the YAML file beside it.

    class: DPS                          # the class in NAME.py beside the card; may be left out if it has one
    kind: method                        # method, baseline or anchor
    order: 2                            # place in tables and lists
    title: "Diffusion Posterior Sampling for General Noisy Inverse Problems"
    paper: "2209.14687"                 # arXiv identifier, openreview:ID, doi:ID or an address
    bibtex: |                           # one entry
      @inproceedings{...}
    search:                             # what tuning may try
      zeta: {low: 0.01, high: 30, scale: log}
      ode_steps: {low: 1, high: 20, integer: true}
      step: {choices: [norm, squared]}      # `bench.suites.tuning` has units and bounds
    differences:                        # known differences from other implementations, a sentence each
      - ...
    presets: {bench: {fashion32: {"*": {steps: 100}}}}      # see `bench.suites.presets`
    tuned: {bench: {fashion32: {"*": ...}}}                 # where presets come from that `tune` wrote

Every field may be left out. Our cards are ``solvers/NAME.yaml``, and NAME is what suites and records call the
method. A user's card lies beside the user's file: ``my_solver.yaml`` beside ``my_solver.py``. Reading a card
imports neither the method nor torch.
"""

import ast
import re
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from bench.names import nearest
from bench.suites.tuning import Space, Tuning
from bench.suites.yamlfile import SuiteError, YamlSource, explain
from bench.system.code.user_code import is_user_code
from bench.system.gate import conform

FOLDER = Path(__file__).resolve().parents[2] / "solvers"
LAST = 1000
"""Place of a card without ``order``: behind all of ours."""
PAPER = re.compile(r"\d{4}\.\d{4,5}(v\d+)?|[a-z.-]+/\d{7}|(openreview|doi):\S+|https?://\S+")
ENTRY = re.compile(r"@\w+\{[^\s,{}]+,")


def _paper(value: str) -> str:
    if not PAPER.fullmatch(value):
        raise ValueError("expected an arXiv identifier, openreview:ID, doi:ID or an address")
    return value


def _bibtex(value: str) -> str:
    """One entry whose braces close; what is in it is not parsed."""
    depth, closed = 0, 0
    for mark in re.findall(r"[{}]", value):
        depth += 1 if mark == "{" else -1
        closed += depth == 0
    if not ENTRY.match(value) or (depth, closed) != (0, 1) or value.rstrip()[-1] != "}":
        raise ValueError("expected one BibTeX entry, as in @article{key, title = {...}}")
    return value


@dataclass(frozen=True, kw_only=True)
class _Written:
    """What stands in the file."""

    class_name: Annotated[str, Field(alias="class")] = ""
    """The class in the file beside the card; "" where that file shows none."""
    kind: Literal["method", "baseline", "anchor"] = "method"
    """A method is compared; a baseline has to be beaten; an anchor says what can be reached."""
    order: int = LAST
    title: str = ""
    """The paper's title, or what the method is."""
    paper: Annotated[str, AfterValidator(_paper)] = ""
    """An arXiv identifier, openreview:ID, doi:ID or an address."""
    bibtex: Annotated[str, AfterValidator(_bibtex)] = ""
    search: dict[str, Space] = field(default_factory=dict)
    """Parameter -> what tuning may try; {} for a method without anything to tune."""
    differences: tuple[str, ...] = ()
    """Known differences from other implementations, a sentence each."""
    presets: dict[str, dict[str, dict[str, dict[str, Any]]]] = field(default_factory=dict)
    """Preset -> prior pattern -> task pattern -> parameters."""
    tuned: dict[str, dict[str, dict[str, Tuning]]] = field(default_factory=dict)
    """Preset -> prior -> task pattern -> the search that found these settings."""

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class MethodCard(_Written):
    """A card, and whose it is."""

    name: str
    """What suites and records call the method: NAME of ``solvers/NAME.yaml``, or a user's class."""
    path: Path | None = None
    """The card's file; None where a user's method has none."""


def read_card(path: Path) -> MethodCard:
    """The card in a YAML file, named after the file.

    Where the card names no class, it is that of the ``.py`` beside it.

    Raises:
        SuiteError: the file is not of that form, there is no ``.py`` beside it, or it has no such class, or
            several and the card names none; a line for each error, with its place.
    """
    source = YamlSource(path)
    code = path.with_suffix(".py")
    if not code.is_file():
        raise SuiteError(f"{path}: a card without its method: there is no {code.name} beside it")
    try:
        written = conform(_Written, source.data)
    except ValidationError as error:
        found = sorted(error.errors(), key=lambda e: source.line(e["loc"]))
        lines = [f"{source.at(e['loc'])}: {_explain(e)}" for e in found]
        raise SuiteError("\n".join(lines)) from None
    class_name = _class_beside(written.class_name, source)
    return MethodCard(**vars(written) | {"class_name": class_name}, name=path.stem, path=path)


@cache
def list_cards() -> dict[str, MethodCard]:
    """Our methods by name, in their order.

    Raises:
        SuiteError: see `read_card`; or two cards have the same order.
    """
    cards = sorted(map(read_card, FOLDER.glob("*.yaml")), key=lambda card: (card.order, card.name))
    for before, card in pairwise(cards):
        if before.order == card.order < LAST:
            raise SuiteError(f"{card.path}: order {card.order} is that of {before.name}; choose another")
    return {card.name: card for card in cards}


def card_of(spec: str) -> MethodCard:
    """The card of a method that a suite names: ours by name, a user's from the ``.yaml`` beside the ``.py``.

    A user's method without a card has one with nothing in it but its name.

    Args:
        spec: a name, ``file.py``, ``file.py:Class`` or ``pkg.mod:Class``.

    Raises:
        SuiteError: unknown name, or see `read_card`.
    """
    if not is_user_code(spec):
        cards = list_cards()
        if spec not in cards:
            raise SuiteError(
                f"unknown solver '{spec}'{nearest(spec, cards)}, or pkg.mod:Class, or file.py:Class"
            )
        return cards[spec]
    place, _, asked = spec.rpartition(":") if ":" in spec else (spec, "", "")
    path = Path(place)
    if path.suffix == ".py" and path.with_suffix(".yaml").is_file():
        card = read_card(path.with_suffix(".yaml"))
        if not asked or card.class_name in {"", asked}:
            name = asked or card.class_name or path.stem
            return replace(card, name=name, class_name=asked or card.class_name)
    solvers = _solver_classes(path)
    only = solvers[0] if len(solvers) == 1 else ""
    return MethodCard(name=asked or only or path.stem, class_name=asked or only)


def _explain(error: ErrorDetails) -> str:
    """One of pydantic's errors in our words."""
    depth = {"search": 2, "tuned": 4}.get(str(error["loc"][0]), 0)
    inner = {2: Space, 4: Tuning}.get(depth if len(error["loc"]) > depth else 0, _Written)
    known = [f.name for f in fields(inner)]
    return explain(error, ["class" if name == "class_name" else name for name in known])


def _class_beside(name: str, source: YamlSource) -> str:
    """The class that a card is about."""
    code = source.path.with_suffix(".py")
    solvers, classes = _solver_classes(code), [node.name for node in _classes(code)]
    if name and classes and name not in classes:
        raise SuiteError(
            f"{source.at(('class',))}: no '{name}' in {code.name}{nearest(name, classes, 'it has')}"
        )
    if not name and len(solvers) > 1:
        raise SuiteError(f"{source.path}:1: class: {code.name} has {', '.join(solvers)}; name one")
    return name or "".join(solvers)


def _solver_classes(code: Path) -> list[str]:
    """The classes of a ``.py`` that look like solvers, which are dataclasses derived from something."""
    found = []
    for node in _classes(code):
        decorators = [ast.unparse(one).partition("(")[0] for one in node.decorator_list]
        if node.bases and any(one.rpartition(".")[2] == "dataclass" for one in decorators):
            found.append(node.name)
    return found


def _classes(code: Path) -> list[ast.ClassDef]:
    """The classes that a ``.py`` defines; none where there is no such file, or none that can be read."""
    try:
        tree = ast.parse(code.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []  # whoever imports it says why
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]
