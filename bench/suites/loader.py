"""Reads YAML by the core types of version 1.2, in bounds: whatever a file holds, reading it ends soon.

What version 1.1 guesses stays a text (yes, 010, 1:30, 2020-01-02); see `bench.system.gate.scalar`.
"""

from typing import Any

import yaml

from bench.system.gate import MOST_DEPTH, scalar

MOST_NODES = 50_000
"""Values of a file, which takes seconds to read; what an alias stands for counts each time."""


class Loader(yaml.SafeLoader):
    """Composes and constructs plain values; it knows anchors, aliases and merges, and refuses tags.

    Raises:
        RefusedError: a tag, or too deep a nesting.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Composes a node that has no tag and does not lie too deep."""
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            raise refusal(f"the tag {event.tag} is not read; write the value without it", event)
        if self.depth > MOST_DEPTH:
            raise refusal(f"nested more than {MOST_DEPTH} deep", event)
        if self.nodes >= MOST_NODES:
            raise refusal(f"more than {MOST_NODES} values", event)
        self.nodes += 1
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def word(self, node: yaml.ScalarNode) -> Any:
        """The value of a scalar: of the type that it looks like, or a text if it is in quotes or a block."""
        if node.style is not None:
            return node.value
        try:
            return scalar(node.value)
        except ValueError as error:
            raise refusal(f"{error}; if it is a text, put it in quotes", node) from None


# Merges alone have a type of their own; all other words without quotes are `word`.
Loader.yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}
Loader.add_constructor("tag:yaml.org,2002:str", Loader.word)


def read_yaml(text: str) -> tuple[yaml.Node | None, Any]:
    """The nodes of a YAML text and their values; (None, None) where there is nothing.

    Raises:
        yaml.YAMLError: it is not YAML.
        RefusedError: it has a tag, a field whose name is no text, a number that is not finite or too long, an
            alias of what it is part of, or more than `MOST_NODES` values or `MOST_DEPTH` levels.
    """
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        check_size(node, loader, {})
        return node, loader.construct_document(node)
    finally:
        loader.dispose()


def check_size(node: yaml.Node, loader: Loader, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many values a node stands for, aliases expanded, and how deep they are nested.

    Args:
        known: the sizes of the nodes seen so far by their id; (0, 0) is that of a node still under way.

    Raises:
        RefusedError: too many, too deep, an alias of a node around it, or a field's name is no text.
    """
    if id(node) in known:
        if known[id(node)] == (0, 0):
            raise refusal("an alias stands for something that it is part of", node)
        return known[id(node)]
    known[id(node)] = (0, 0)
    size, depth = 1, 0
    for child in children(node, loader):
        more, below = check_size(child, loader, known)
        size, depth = size + more, max(depth, below)
    if size > MOST_NODES:
        raise refusal(f"more than {MOST_NODES} values", node)
    if depth > MOST_DEPTH:
        raise refusal(f"nested more than {MOST_DEPTH} deep", node)
    known[id(node)] = (size, depth + 1)
    return known[id(node)]


def children(node: yaml.Node, loader: Loader) -> list[yaml.Node]:
    """The nodes directly inside another one; the names of fields must be texts."""
    if not isinstance(node, yaml.MappingNode):
        return list(node.value) if isinstance(node, yaml.SequenceNode) else []
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or not isinstance(loader.word(key), str):
            raise refusal("the name of a field is no text; put it in quotes", key)
    return [value for _, value in node.value]


class RefusedError(yaml.MarkedYAMLError):
    """YAML that is not read."""


def refusal(reason: str, at: yaml.Node | yaml.Event) -> RefusedError:
    """The error of a node or event, with its place."""
    return RefusedError(problem=reason, problem_mark=at.start_mark)  # type: ignore[arg-type]  # of either parser
