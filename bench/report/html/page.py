"""One file from the document, the style and the scripts, under a policy that lets nothing else in."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

STYLES = ("tokens.css", "page.css", "controls.css", "matrix.css", "popover.css", "figures.css", "media.css")
"""Parts of the style, in order; what media change stands last."""
SCRIPTS = (
    *("base.js", "state.js", "marks.js", "top.js", "says.js", "matrix.js", "table.js", "popover.js"),
    *("tabs.js", "sheets.js", "viewer.js", "stage.js", "paint.js", "panel.js", "pair.js", "scatter.js"),
    *("cost.js", "ranks.js", "ledger.js", "samples.js", "steps.js", "tips.js", "draw.js"),
)
"""Parts of the one script, in order; each may use what stands before it."""


def page(content: Mapping[str, Any]) -> bytes:
    """The page that shows a document."""
    style, script = _style(), _script()
    template = _environment().get_template("page.html")
    text = template.render(
        title=content["meta"]["title"],
        policy=policy(style, script, with_files=bool(content["large"])),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own files
        data=Markup(embedded(content)),  # noqa: S704 - no "<" is left in it
    )
    return text.encode()


def policy(style: str, script: str, with_files: bool) -> str:
    """The content security policy: this style and this script, pictures in the page, nothing from elsewhere.

    Args:
        with_files: whether scripts beside the page hand over larger pictures.
    """
    beside = " 'self'" if with_files else ""
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}{beside}; "
        "base-uri 'none'; form-action 'none'"
    )


def embedded(content: Mapping[str, Any]) -> str:
    """JSON that cannot end the element that it stands in."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )


@cache
def _style() -> str:
    return "\n" + "".join(map(_read, STYLES))


@cache
def _script() -> str:
    return '\n"use strict";\n(() => {\n' + "\n".join(map(_read, SCRIPTS)) + "})();\n"


def _read(name: str) -> str:
    return (resources.files("bench.report.html") / "templates" / name).read_text(encoding="utf-8")
