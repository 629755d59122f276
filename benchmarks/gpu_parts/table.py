"""The tables of a JSON of `benchmarks/gpu.py`, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NETWORKS = ("ffhq256_uncond", "imagenet256_uncond", "compiled")
SETTING = ("network", "side", "batch", "precision", "channels_last", "compiled")
OVERHEAD = {
    "solver": "solver",
    "network": "network",
    "batch": "batch",
    "steps": "steps",
    "bare ms/step": "bare_ms",
    "record ms/step": "record_ms",
    "whole ms/step": "whole_ms",
    "record / bare": "record_ratio",
    "whole / bare": "whole_ratio",
    "error": "error",
}
COMPUTED = {
    "solver": "solver",
    "network": "network",
    "px": "side",
    "precision": "precision",
    "batch": "batch",
    "NFE": "nfe",
    "vjps": "vjps",
    "s/image": "seconds_per_image",
    "GB at the batch": "gb",
    "GB/image more": "gb_per_image",
}
CHECKED = {
    "solver": "solver",
    "network": "network",
    "batch": "batch",
    "steps": "steps",
    "computed s/image": "computed_seconds",
    "measured s/image": "measured_seconds",
    "ratio": "ratio",
    "computed GB": "computed_gb",
    "measured GB": "measured_gb",
    "error": "error",
}
FAST = {
    "network": "network",
    "batch": "batch",
    "call": "call",
    "precision": "precision",
    "layout": "layout",
    "way": "way",
    "ordinary ms": "ordinary_ms",
    "ms": "ms",
    "gain": "gain",
    "relative difference": "gap",
    "GB": "gb",
    "s first calls": "first_s",
    "error": "error",
}
FAST_SOLVES = {
    "solver": "solver",
    "network": "network",
    "batch": "batch",
    "steps": "steps",
    "ordinary ms/step": "ordinary_ms",
    "fast ms/step": "fast_ms",
    "fast ms/call": "bare_ms",
    "gain": "gain",
    "relative difference": "gap",
    "error": "error",
}
Rows = list[dict[str, Any]]


def render(document: dict[str, Any]) -> str:
    """All that was measured, a table for each part of which there is something."""
    sections = [headline(document), parts(document)]
    for title, make in SECTIONS.items():
        if found := make(document):
            sections.append(f"## {title}\n\n{found}")
    return "\n\n".join(sections)


def headline(document: dict[str, Any]) -> str:
    """The machine and the software that were measured."""
    machine = document["machine"]
    if not machine:
        return "# No part has started"
    memory = f", {machine['memory_gb']:.1f} GB" if "memory_gb" in machine else ""
    software = [f"{name} {machine['versions'][name]}" for name in ("torch", "python", "azula")]
    software += [f"{name} {machine[name]}" for name in ("cuda", "cudnn", "driver") if machine.get(name)]
    when = f"commit {document['commit']}; {document['started']}"
    lines = [f"# {machine['device']}{memory}", f"{', '.join(software)}; {when}"]
    if document["toy"]:
        lines.append("Toy size: these numbers mean nothing.")
    return "\n\n".join(lines)


def parts(document: dict[str, Any]) -> str:
    """Status and seconds."""
    rows = [(name, part["status"], part["seconds"]) for name, part in document["parts"].items()]
    return table(("part", "status", "s"), rows)


def networks(document: dict[str, Any]) -> str:
    """A line for each network, batch and setting, and the largest batches."""
    rows = [row for name in NETWORKS for row in measured(document, name)]
    lines: dict[tuple, dict[str, Any]] = {}
    for row in rows:
        if "call" in row:
            lines.setdefault(tuple(row[key] for key in SETTING), {})[row["call"]] = row
    heads = ("network", "px", "batch", "precision", "layout", "compiled")
    heads += ("ms/evaluation", "ms/backward pass", "ms/vjp", "ms/evaluation/image")
    heads += ("GB evaluation", "GB vjp", "s first calls")
    drawn = table(heads, [network_line(key, calls) for key, calls in lines.items()])
    return "\n".join([drawn, *largest(rows)])


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


def largest(rows: Rows) -> list[str]:
    """For each network and call the largest batch that was measured, and why there is no larger one."""
    tried: dict[str, Rows] = {}
    for row in rows:
        for call in (row["call"],) if "call" in row else ("evaluation", "vjp"):
            tried.setdefault(f"{row['network']}, {call}", []).append(row)
    lines = []
    for name, found in tried.items():
        batch = max((row["batch"] for row in found if "ms" in row), default=0)
        beyond = [f"{row['batch']}: {row['error']}" for row in found if row["batch"] > batch]
        lines.append(f"\nLargest batch of {name}: {batch}" + (f" ({beyond[0]})" if beyond else ""))
    return lines


def overhead(document: dict[str, Any]) -> str:
    """Whole solves beside bare calls."""
    return columns(OVERHEAD, measured(document, "overhead"))


def computed(document: dict[str, Any]) -> str:
    """Every solver at its usual evaluations."""
    return columns(COMPUTED, [row for row in measured(document, "costs") if row["kind"] == "computed"])


def checked(document: dict[str, Any]) -> str:
    """Measured costs of two solvers beside the computed ones."""
    return columns(CHECKED, [row for row in measured(document, "costs") if row["kind"] == "checked"])


def verified(document: dict[str, Any]) -> str:
    """Records of a CPU, made again."""
    rows = measured(document, "verify")
    metrics = list(dict.fromkeys(name for row in rows for name in row["medians"]))
    deviations = [f"{name} median deviation" for name in metrics]
    heads = ("task", "row", "images", *deviations, "reproduced", "changed")
    cells = []
    for row in rows:
        gaps = [row["medians"].get(name) for name in metrics]
        verdict = ("yes" if row["reproduced"] else "no", row["changed"])
        cells.append((row["task"], row["label"], row["images"], *gaps, *verdict))
    return table(heads, cells)


def tests(document: dict[str, Any]) -> str:
    """How many tests passed, and the names of the others."""
    rows = measured(document, "tests")
    if not rows:
        return ""
    passed = sum(row["outcome"] == "passed" for row in rows)
    others = [f"- {row['outcome']}: {row['test']}" for row in rows if row["outcome"] != "passed"]
    return "\n".join([f"{passed} of {len(rows)} passed", *(["", *others] if others else [])])


def fast(document: dict[str, Any]) -> str:
    """Calls that are replayed or compiled beside ordinary ones, and what the probe says."""
    rows = measured(document, "fast")
    said = [
        f"- {row['network']}, batch {row['batch']}: {line}" for row in rows for line in row.get("found", ())
    ]
    return "\n\n".join(filter(None, (columns(FAST, of_kind(rows, "calls")), "\n".join(said))))


def fast_solves(document: dict[str, Any]) -> str:
    """Whole solves on priors that were sped up."""
    return columns(FAST_SOLVES, of_kind(measured(document, "fast"), "solves"))


def of_kind(rows: Rows, kind: str) -> Rows:
    """The rows of a kind."""
    return [row for row in rows if row["kind"] == kind]


SECTIONS = {
    "Networks": networks,
    "Whole solves beside bare calls": overhead,
    "Cost at the usual evaluations, computed from the network's time alone": computed,
    "Computed costs beside measured ones": checked,
    "Records of a CPU, made again": verified,
    "Tests of devices": tests,
    "Replayed and compiled networks": fast,
    "Whole solves on them": fast_solves,
}


def measured(document: dict[str, Any], name: str) -> Rows:
    """The rows of a part, none where it did not run."""
    return document["parts"].get(name, {}).get("measurements", [])


def value(row: dict[str, Any], key: str) -> Any:
    """The value of a row, or the reason why it has none."""
    return row.get(key, row.get("error"))


def columns(keys: Mapping[str, str], rows: Rows) -> str:
    """A table of some entries of each row, by the head of their column."""
    return table(tuple(keys), [tuple(row.get(key) for key in keys.values()) for row in rows])


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Markdown with aligned columns, without those that are empty in every row; "" without rows."""
    cells = [[text(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    kept = [k for k in range(len(heads)) if any(row[k] for row in cells)]
    lines = [[row[k] for k in kept] for row in (heads, *cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "|" + "|".join(":" + "-" * (width + 1) for width in widths) + "|"
    drawn = [draw(line, widths) for line in lines]
    return "\n".join([drawn[0], rule, *drawn[1:]])


def draw(line: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table."""
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"


def text(cell: Any) -> str:
    """Three digits of a number, nothing for None."""
    if cell is None:
        return ""
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
