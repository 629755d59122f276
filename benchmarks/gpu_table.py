"""The tables of a JSON of `benchmarks/gpu.py`, in Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any

SETTING = ("network", "side", "batch", "precision", "channels_last", "compiled")


def render(document: dict[str, Any]) -> str:
    """All that was measured, a table for each part of which there is something."""
    sections = [headline(document), parts(document)]
    for title, make in SECTIONS.items():
        if found := make(document):
            sections.append(f"## {title}\n\n{found}")
    return "\n\n".join(sections)


def headline(document: dict[str, Any]) -> str:
    """What was measured on."""
    machine = document["machine"]
    if not machine:
        return "# No part has started"
    memory = f", {machine['memory_gb']:.1f} GB" if "memory_gb" in machine else ""
    versions = machine["versions"]
    software = [f"{name} {versions[name]}" for name in ("torch", "python", "azula")]
    software += [f"{name} {machine[name]}" for name in ("cuda", "cudnn", "driver") if machine.get(name)]
    lines = [f"# {machine['device']}{memory}", f"{', '.join(software)}; commit {document['commit']}; {document['started']}"]
    if document["toy"]:
        lines.append("Toy size: these numbers mean nothing.")
    return "\n\n".join(lines)


def parts(document: dict[str, Any]) -> str:
    """Status and seconds."""
    rows = [(name, part["status"], part["seconds"]) for name, part in document["parts"].items()]
    return table(("part", "status", "s"), rows)


def networks(document: dict[str, Any]) -> str:
    """A line for each network, batch and setting."""
    rows = [row for name in ("ffhq256_uncond", "imagenet256_uncond", "compiled") for row in measured(document, name)]
    lines: dict[tuple, dict[str, Any]] = {}
    for row in rows:
        if "call" in row:
            lines.setdefault(tuple(row[key] for key in SETTING), {})[row["call"]] = row
    heads = ("network", "px", "batch", "precision", "layout", "compiled", "ms/evaluation", "ms/backward pass", "ms/vjp")
    heads += ("ms/evaluation/image", "GB evaluation", "GB vjp", "s first calls")
    return table(heads, [network_line(key, calls) for key, calls in lines.items()])


def network_line(key: tuple, calls: dict[str, dict[str, Any]]) -> tuple:
    """A line of `networks`; a call that failed says why in place of its time."""
    name, side, batch, precision, channels_last, compiled = key
    layout = "channels_last" if channels_last else "contiguous"
    evaluation, vjp = calls.get("evaluation", {}), calls.get("vjp", {})
    each = evaluation["ms"] / batch if "ms" in evaluation else None
    first = [call["first_s"] for call in calls.values() if "first_s" in call]
    times = (value(evaluation, "ms"), vjp.get("backward_ms"), value(vjp, "ms"), each)
    about = (name, side, batch, precision, layout, "yes" if compiled else "no")
    return (*about, *times, evaluation.get("gb"), vjp.get("gb"), sum(first) if first else None)


def overhead(document: dict[str, Any]) -> str:
    """Whole solves beside bare calls."""
    heads = ("solver", "network", "batch", "steps", "bare ms/step", "record ms/step", "whole ms/step", "record / bare")
    keys = ("solver", "network", "batch", "steps", "bare_ms", "record_ms", "whole_ms", "record_ratio", "whole_ratio")
    rows = [(*(row.get(key) for key in keys), row.get("error")) for row in measured(document, "overhead")]
    return table((*heads, "whole / bare", "error"), rows)


def computed(document: dict[str, Any]) -> str:
    """Every solver at its usual evaluations."""
    heads = ("solver", "network", "px", "precision", "batch", "NFE", "vjps", "s/image", "GB at the batch", "GB/image more")
    keys = ("solver", "network", "side", "precision", "batch", "nfe", "vjps", "seconds_per_image", "gb", "gb_per_image")
    rows = [row for row in measured(document, "costs") if row["kind"] == "computed"]
    return table(heads, [tuple(row.get(key) for key in keys) for row in rows])


def checked(document: dict[str, Any]) -> str:
    """What two solvers took beside what was computed for them."""
    heads = ("solver", "network", "batch", "steps", "computed s/image", "measured s/image", "ratio", "computed GB")
    keys = ("solver", "network", "batch", "steps", "computed_seconds", "measured_seconds", "ratio", "computed_gb")
    rows = [row for row in measured(document, "costs") if row["kind"] == "checked"]
    cells = [(*(row.get(key) for key in keys), row.get("measured_gb"), row.get("error")) for row in rows]
    return table((*heads, "measured GB", "error"), cells)


def verified(document: dict[str, Any]) -> str:
    """Records of a CPU, made again."""
    rows = measured(document, "verify")
    metrics = list(dict.fromkeys(name for row in rows for name in row["medians"]))
    heads = ("task", "row", "images", *(f"{name} median deviation" for name in metrics), "reproduced", "changed")
    cells = []
    for row in rows:
        gaps = (row["medians"].get(name) for name in metrics)
        cells.append((row["task"], row["label"], row["images"], *gaps, "yes" if row["reproduced"] else "no", row["changed"]))
    return table(heads, cells)


def tests(document: dict[str, Any]) -> str:
    """How many tests passed, and the names of the others."""
    rows = measured(document, "tests")
    if not rows:
        return ""
    passed = sum(row["outcome"] == "passed" for row in rows)
    others = [f"- {row['outcome']}: {row['test']}" for row in rows if row["outcome"] != "passed"]
    return "\n".join([f"{passed} of {len(rows)} passed", *(["", *others] if others else [])])


SECTIONS = {
    "Networks": networks,
    "Whole solves beside bare calls": overhead,
    "Cost at the usual evaluations, computed from the network's time alone": computed,
    "Computed costs beside measured ones": checked,
    "Records of a CPU, made again": verified,
    "Tests of devices": tests,
}


def measured(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The rows of a part, none where it did not run."""
    return document["parts"].get(name, {}).get("measurements", [])


def value(row: dict[str, Any], key: str) -> Any:
    """Of a row, or the reason why it has none."""
    return row.get(key, row.get("error"))


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Markdown with aligned columns, without those that are empty in every row; "" without rows."""
    cells = [[text(cell) for cell in row] for row in rows]
    kept = [k for k in range(len(heads)) if any(row[k] for row in cells)]
    if not cells:
        return ""
    lines = [[heads[k] for k in kept], *([row[k] for k in kept] for row in cells)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(kept))]
    drawn = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    rule = "|" + "|".join(":" + "-" * (width + 1) for width in widths) + "|"
    return "\n".join([drawn[0], rule, *drawn[1:]])


def text(cell: Any) -> str:
    """Three digits of a number, nothing for None."""
    if cell is None:
        return ""
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
