"""Any text as LaTeX that shows it, and runs nothing."""

import unicodedata
from typing import Any

MARKS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "'": r"\textquotesingle{}",
} | {mark: "\\" + mark for mark in "{}$&#_%"}
"""Character -> LaTeX. Brackets and stars are in groups: at the start of a row they would be arguments."""
GREEK = "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau"
SYMBOLS = {
    **dict(zip("αβγδεζηθκλμνξπρστ", GREEK.split(), strict=True)),
    **{"φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega"},
    **{"×": "times", "±": "pm", "≤": "le", "≥": "ge", "∞": "infty", "→": "to", "√": "surd", "·": "cdot"},
    **{"≈": "approx", "Σ": "Sigma", "Π": "Pi", "Γ": "Gamma", "Δ": "Delta", "Λ": "Lambda", "Ω": "Omega"},
}
"""Character -> name in mathematics."""
PLAIN = {
    "−": "$-$",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "…": r"\ldots{}",
    "⁺": "$^+$",
    "\u00a0": "~",
}
LAST_KNOWN = 0x17F
"""Letters up to here (Latin, with accents) are in fonts of T1 encoding."""


def escape(text: Any) -> str:
    r"""Text on one line that LaTeX shows as it is; what its fonts lack is shown by its number.

    >>> print(escape("50% of {x}_1"))
    50\% of \{x\}\_1
    """
    line = " ".join(str(text).split())
    return "".join(map(_shown, line)).replace("--", "-{}-").replace("--", "-{}-")


def _shown(mark: str) -> str:
    if mark in MARKS:
        return MARKS[mark]
    if mark in PLAIN:
        return PLAIN[mark]
    if mark in SYMBOLS:
        return rf"$\{SYMBOLS[mark]}$"
    is_letter = mark.isascii() or (ord(mark) <= LAST_KNOWN and mark.isalpha())
    if is_letter and unicodedata.category(mark) != "Cc":
        return mark
    return f"{{[}}U+{ord(mark):04X}{{]}}"


def number(text: str) -> str:
    """A printed number: the minus sign and infinity as in mathematics."""
    return text.replace("−", "$-$").replace("∞", r"$\infty$")
