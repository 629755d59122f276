"""Neutral values: at its neutral value a setting is left out of every key, as if it had never been added.

A field that is added to a solver, an operator or a task would change the keys of all records made before. So
it declares the value at which the code does what it did without it::

    tilt: Annotated[float, Neutral(0.0)] = 0.0

Records at tilt = 0 then keep their keys, and all others get their own.
"""

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, fields
from functools import cache
from typing import Any, get_type_hints


@dataclass(frozen=True, eq=False)
class Neutral:
    """Marks, outermost in an ``Annotated``, the value at which a setting is left out of keys."""

    value: Any


def neutral_values(annotations: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> neutral value, for the annotations that declare one."""
    found = {}
    for name, annotation in annotations.items():
        for mark in getattr(annotation, "__metadata__", ()):
            if isinstance(mark, Neutral):
                found[name] = mark.value
    return found


@cache
def neutral_fields(cls: type) -> dict[str, Any]:
    """Name -> neutral value, for the fields of a dataclass that declare one."""
    return neutral_values({field.name: _annotation(cls, field) for field in fields(cls)})


def _annotation(cls: type, field: Field) -> Any:
    """The annotation of a field; text is read in the module of its class."""
    if not isinstance(field.type, str):
        return field.type
    owner = next(base for base in reversed(cls.__mro__) if _fields(base).get(field.name) is field)
    texts = {"__annotations__": {field.name: field.type}, "__module__": owner.__module__}
    return get_type_hints(type("Texts", (), texts), include_extras=True)[field.name]


def _fields(cls: type) -> dict[str, Field]:
    """The fields of a class as a dataclass, its bases' included, which are the same objects."""
    return vars(cls).get("__dataclass_fields__", {})


def is_neutral(name: str, value: Any, neutral: Mapping[str, Any]) -> bool:
    """Whether a setting is at its neutral value; 0 equals 0.0, and no number equals False or True."""
    if name not in neutral or isinstance(value, bool) != isinstance(neutral[name], bool):
        return False
    return bool(value == neutral[name])


def keyed(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass instance that belong to a key, as plain values: all but the neutral ones."""
    cls: type = type(settings)
    neutral = neutral_fields(cls)
    return {k: v for k, v in asdict(settings).items() if not is_neutral(k, getattr(settings, k), neutral)}


def added(settings: Any) -> dict[str, Any]:
    """Those of `keyed` that declare a neutral value: what a class that has grown adds to its earlier keys."""
    cls: type = type(settings)
    neutral = neutral_fields(cls)
    return {k: v for k, v in keyed(settings).items() if k in neutral} if neutral else {}
