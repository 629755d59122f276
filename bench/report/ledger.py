"""The ledger of conventions: what each task of the page measured, as its operators say it themselves."""

from collections.abc import Sequence

from bench.report.asked import Run
from bench.report.text import code, escape


def ledger(runs: Sequence[Run]) -> list[str]:
    """A table with one line per task; nothing where no manifest knows (those written before operators said it)."""
    tasks = [task for run in runs for task in run.get("tasks", ())]
    if not any("conventions" in task for task in tasks):
        return []
    lines = dict.fromkeys(_line(task) for task in tasks)
    head = ["| Task | σ in \\[−1, 1\\] | σ in \\[0, 1\\] | Operator | What it is |", "|:--|--:|--:|:--|:--|"]
    return ["### Operators", "\n".join([*head, *lines])]


def _line(task: dict) -> str:
    facts = "; ".join(f"{topic}: {text}" for topic, text in task.get("conventions", {}).items())
    cells = [escape(task["name"]), f"{task['sigma']:g}", f"{task['sigma'] / 2:g}", code(task["operator"]), escape(facts) or "–"]
    return f"| {' | '.join(cells)} |"
