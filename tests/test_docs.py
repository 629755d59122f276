"""The documentation says what is so: its links and files exist, its commands parse, and its tables hold the
numbers of the committed reports."""

import ast
import re
import shlex
from functools import cache

import pandas as pd
import pytest

from bench.certify.laws import all_laws, laws_of
from bench.cli import cli
from bench.suites.suite import load_suite
from tests import ROOT
from tests.ours import METHODS

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("examples", "results", "datasets", "benchmarks")),
]


def name(page):
    return str(page.relative_to(ROOT))


def anchors(page):
    """What links to the headings of a page end in."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for path, anchor in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        there = page.parent / path if path else page
        assert there.exists(), path
        assert not anchor or anchor in anchors(there), f"{path}#{anchor}"


@pytest.mark.parametrize(
    ("verb", "pages"),
    [
        ("run", ["use", "scale"]),
        ("report", ["reports", "use"]),
        ("compare", ["reports"]),
        ("merge", ["reports"]),
    ],
)
def test_the_documentation_names_every_option(verb, pages):
    texts = "".join((ROOT / "docs" / f"{page}.md").read_text() for page in pages)
    words = [word for option in cli.commands[verb].params for word in (*option.opts, *option.secondary_opts)]
    options = {word for word in words if word.startswith("--")} - {
        "--report"
    }  # the default; --no-report is named
    assert not {word for word in options if not re.search(rf"{word}(?![\w-])", texts)}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page):
    """By their path from the root, or from `bench/`; NAME stands for any."""
    for path in re.findall(r"`((?:\w+/)+\w+\.(?:py|ya?ml|toml|csv|md|dot))", page.read_text()):
        if "NAME" not in path:
            assert (ROOT / path).exists() or (ROOT / "bench" / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_parse(page, tmp_path):
    """Verbs, options and the values that they take; `tests/test_guide.py` looks up suites and rows too."""
    (tmp_path / "photos").mkdir()
    lines = re.findall(r"^(?: {4}|\| `)?python -m bench ([^\n`]+)", page.read_text(), re.M)
    for line in lines:
        verb, *words = shlex.split(line.replace("~", str(tmp_path)), comments=True)
        cli.commands[verb].make_context(verb, words)


def test_every_script_is_listed_with_its_first_line():
    listed = (ROOT / "benchmarks" / "README.md").read_text()
    for script in (*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "tools").glob("*.py")):
        says = ast.get_docstring(ast.parse(script.read_text())).splitlines()[0]
        assert re.search(rf"/{script.name}\]\(.*\) \| {re.escape(says)} \|", listed), script.name


def table(page, head):
    """The cells of the table whose first line starts with ``head``, by row."""
    _, _, below = (ROOT / page).read_text().partition(f"\n{head}")
    lines = below.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def shown(score, mark, digits, tie):
    """A score as a table shows it: ranked, or of a baseline."""
    if pd.isna(score):
        return "–"
    text = f"{score:.{digits}f}"
    ranked = {"best": f"**{text}**", "tie": f"**{text}**{tie}", "equivalent": f"**{text}**{'≈' * bool(tie)}"}
    return (ranked | {"baseline": f"*{text}*"}).get(mark, text)


@cache
def linear_report():
    return pd.read_csv(ROOT / "reports" / "linear" / "tables.csv")


def linear(label, task, metric, digits, tie):
    """What the table of a metric shows of a row in a task of suite `linear`."""
    report = linear_report()
    found = report[(report.row == label) & (report.task == task)]
    if found.empty:
        return "–"
    (row,) = found.to_dict("records")
    mark = "baseline" if row["baseline"] else row[f"{metric}_mark"]
    return shown(row[metric], mark, digits, tie)


def test_the_readme_counts_methods_and_wrong_variants():
    text = (ROOT / "README.md").read_text()
    said, named, further, variants = re.search(
        r"(\d+) diffusion[^(]*\((.*?)\[(\d+) more\].* and\s+(\d+)\s+deliberately", text, re.S
    ).groups()
    assert int(said) == named.count(",") + int(further) == len(METHODS)
    assert int(variants) == sum(len(laws_of(law).mutants) for law in all_laws())


def test_the_table_of_the_readme_is_that_of_the_report():
    tasks = ["inpaint_box", "inpaint_random", "sr_average4", "blur_gauss", "blur_motion"]
    rows = table("README.md", "| PSNR, dB |")
    assert len(rows) == len(METHODS) + 1
    for method, *cells in rows:
        label = "pinv" if "A⁺" in method else f"{method.lower().replace('-', '_')}-100"
        assert cells == [linear(label, task, "psnr", 2, "") for task in tasks], method


def test_the_table_of_lpips_is_that_of_the_report():
    tasks = ["inpaint_box", "inpaint_random", "sr_average4", "sr_bicubic4", "blur_gauss", "blur_motion"]
    rows = [row for row in table("docs/results.md", "| LPIPS ↓ |") if not row[0].startswith("<sub>")]
    found = {}
    for row, *cells in rows:
        label = row.split("<br>")[0].strip("*")
        found[label] = cells
    assert set(found) == {row.label for row in load_suite("linear").solvers}
    for label, cells in found.items():
        assert cells == [linear(label, task, "lpips", 3, "⁼") for task in tasks], label


def test_the_table_of_errors_is_that_of_the_report():
    labels = ["oracle-pigdm-score-50", "pigdm-score-50", "oracle-pigdm-50", "pigdm-50"]
    report = pd.read_csv(ROOT / "reports" / "exact" / "exact.csv")
    medians = report[report.metric == "mmd"].pivot(index="row", columns="task", values="median")
    tasks = ["d2-m1-s0.2", "d8-m2-s0.2", "gaussian-blur-s0.05"]
    rows = table("docs/exact.md", "| MMD over the prior's, 50 steps")
    for label, (_, *cells) in zip(labels, rows, strict=True):
        assert cells == [f"{medians.loc[label, task]:.3f}" for task in tasks], label


def test_the_table_of_exact_posteriors_is_that_of_the_report():
    labels = ["exact", "pigdm-score-50", "diffpir-50", "oracle-20", "ddrm-50", "red_diff-50"]
    metrics = {"psnr_sample": 0.1, "mmd": 0.001, "sw": 0.1, "var_ratio_measured": 0.1}
    report = pd.read_csv(ROOT / "reports" / "exact" / "exact.csv")
    medians = report[report.task == "gaussian-blur-s0.05"].pivot(
        index="row", columns="metric", values="median"
    )
    rows = table("docs/exact.md", "| | PSNR of one sample")
    for label, (_, *cells) in zip(labels, rows, strict=True):
        for cell, (metric, unit) in zip(cells, metrics.items(), strict=True):
            assert float(cell) == pytest.approx(medians.loc[label, metric], abs=0.51 * unit), (label, metric)
