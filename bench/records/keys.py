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


def finite(obj: Any) -> Any:
    """``obj`` as plain JSON values: NaN and infinities become None, tuples lists, numpy scalars numbers."""
    if isinstance(obj, Mapping):
        return {str(k): finite(v) for k, v in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [finite(v) for v in obj]
    if isinstance(obj, float):
        return float(obj) if math.isfinite(obj) else None
    if obj is not None and not isinstance(obj, (str, int)) and hasattr(obj, "item"):
        return finite(obj.item())
    return obj
