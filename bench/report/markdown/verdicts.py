"""What the scores of a task show, in words: a sentence, the places, and what would have been seen."""

import math
from collections.abc import Mapping, Sequence

from bench.report.columns import Column
from bench.report.scores import Score
from bench.report.text import code
from bench.report.verdicts import Sentence, Verdicts, size


def said(sentence: Sentence) -> str:
    """A sentence as Markdown, with its rows as inline code."""
    return "".join(part if isinstance(part, str) else code(part["row"]) for part in sentence)


def compared(verdicts: Mapping[str, Verdicts], columns: Sequence[Column]) -> list[Column]:
    """The columns by which rows are compared."""
    return [column for column in columns if math.isfinite(verdicts[column.name].seen)]


def shown(verdicts: Mapping[str, Verdicts], columns: Sequence[Column]) -> list[str]:
    """The paragraphs below a table: one sentence by its first metric, and the power by all of them.

    That images are too few is left to the notes.
    """
    ranked = [column for column in columns if verdicts[column.name].is_about_rows]
    if not ranked:
        return []
    parts = [f"**{ranked[0].label}**: {said(verdicts[ranked[0].name].sentence)}"]
    seen, within = [], []
    for column in compared(verdicts, columns):
        found = verdicts[column.name]
        seen.append(size(column, found.seen))
        if found.margin is not None:
            within.append(size(column, found.margin))
    if seen:
        text = f"Differences that four of five such tables would show: {', '.join(seen)}."
        parts.append(text + (f" ≈: within {', '.join(within)}." if within else ""))
    return parts


def place(score: Score) -> str:
    """The places that the data leave to a row, as "2–4"; "–" for a row that is not ranked."""
    if score.verdict is None or not score.verdict.mark:
        return "–"
    first, last = score.verdict.places
    return f"{first}" if first == last else f"{first}–{last}"
