"""The one place that turns configurations into hashes, and values into plain JSON. No torch in here."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any


def canonical(obj: Any) -> str:
    """The JSON text that stands for ``obj`` in hashes: sorted keys, no spaces, shortest float representation,
    ASCII.

    1 and 1.0 differ: hash validated values.

    Raises:
        ValueError: NaN or infinity.
        TypeError: something that JSON does not know.

    """
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(obj: Any) -> str:
    """sha256 of `canonical`, 64 hex digits."""
    return hashlib.sha256(canonical(obj).encode()).hexdigest()


def plain(obj: Any) -> Any:
    """``obj`` as plain JSON values.

    Infinity is the text "inf" or "-inf", NaN None; tuples are lists, numpy scalars numbers; what is no
    Unicode in a text, as in some file names, is a question mark.
    """
    if isinstance(obj, Mapping):
        return {str(k): plain(v) for k, v in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [plain(v) for v in obj]
    if isinstance(obj, str):
        return obj if obj.isascii() else obj.encode("utf-8", "replace").decode()
    if isinstance(obj, float):
        return _plain_float(float(obj))
    if obj is not None and not isinstance(obj, int) and hasattr(obj, "item"):
        return plain(obj.item())
    return obj


def _plain_float(value: float) -> float | str | None:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return None if math.isnan(value) else value
