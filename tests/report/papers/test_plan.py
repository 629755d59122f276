"""The plan for what is not recorded: commands that our suites know, and what they cost."""

import pytest

from bench.plan.build import make_cells
from bench.report.papers.published import load_published
from bench.suites.suite import load_suite
from tests.made_paper import FILE, cell, ours, page_of
from tests.suites.test_suite import loader_of, supplied  # noqa: F401 - a fixture

PUBLISHED = load_published()


def test_the_plan_has_commands_and_an_estimate_that_says_so(tmp_path):
    page = page_of(tmp_path, ms=36.0)
    assert (
        "python -m bench run --suite s --task blur --solver dps-paper-1000 --images 12 --device cuda" in page
    )
    assert (
        "python -m bench run --suite s --task blur --solver ddrm-official-20 --images 12 "
        "--device cuda --dtype float16" in page
    )
    assert "| DPS (1000): Blur, s | 12 | 1000 + vjps | 0.24 |" in page, "12 images x 1000 x 2 x 36 ms"
    assert "An estimate, not a measurement" in page and "36 ms for net (as given" in page
    assert "20 ms for net (the network's operations at an assumed 50 TFLOP/s" in page_of(tmp_path)
    (tmp_path / "other").mkdir()
    assert "dps-paper-1000" not in page_of(tmp_path / "other", found=ours()), (
        "what is recorded is not planned"
    )
    (tmp_path / "other" / "run").rename(tmp_path / "first")
    page = page_of(tmp_path / "other", found=ours(preset="bench"))
    assert "dps-paper-1000" in page and "not comparable" in page, "with other settings it is"


def test_the_plan_leaves_out_what_cannot_be_run_and_says_what_cannot_be_compared(tmp_path):
    text = FILE.replace(
        "rows.tv", 'rows_differ.dps-1000 = "best of four"\nrows_skipped.ddrm-20 = "linear only"\nrows.tv'
    )
    page = page_of(tmp_path, text)
    assert (
        "--solver dps-paper-1000" in page
        and "- Not comparable, once recorded: DPS (1000), Blur (best of four)." in page
    )
    assert "--solver ddrm" not in page and "- Not planned: DDRM (20), Blur (linear only)." in page
    page = page_of(tmp_path, FILE.replace('suite = "s"\n', "").replace('task = "blur"\n', ""))
    assert (
        "```" not in page
        and "- Not planned: DPS (1000), Blur (no suite of ours has this problem with the network net)."
        in page
    )


def test_a_trial_on_a_few_images_stays_planned(tmp_path):
    page = page_of(tmp_path, FILE.replace("n = 12", "n = 1000"), ours())
    assert cell(page)[-1] == "= reproduced 0.00 (12 of 1000 images)" and ", 12 images." in page
    assert "--solver dps-paper-1000 --device cuda" in page


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "imagenet-linear",
        "imagenet-nonlinear",
        "imagenet-noisy",
        "ffhq-linear",
        "ffhq-nonlinear",
        "ffhq-noisy",
    ],
)
def test_what_the_plan_names_is_in_our_suites(name, supplied):  # noqa: F811
    """The task with the published operator, parameters, sigma and prior, and the row with its preset, steps
    and vjps."""
    suite = load_suite(name)
    cells = {(cell.task.name, cell.label): cell for cell in make_cells(suite, loader_of(suite), {})}
    for entry in [entry for entry in PUBLISHED.entries if entry.suite == name]:
        for row in entry.rows:
            solver, _ = PUBLISHED.method(row)
            if solver is None or entry.skipped(row):
                continue
            about, preset = PUBLISHED.solvers[solver], entry.preset.get(solver, "official")
            cell = cells[entry.task, f"{solver}-{preset}-{about.steps}"]
            assert (cell.name, cell.preset, cell.steps, cell.task.operator) == (
                solver,
                preset,
                about.steps,
                entry.operator,
            )
            assert entry.noise_std is None or cell.task.sigma == pytest.approx(entry.noise_std)
            assert {k: v for k, v in cell.task.params.items() if k != "rcond"} == entry.params, (
                entry.source,
                entry.title,
            )
            assert suite.prior == entry.prior and suite.images >= (entry.n or 0)
            assert cell.reason is None, f"{entry.title}: {cell.reason}"
            assert suite.dataset == entry.dataset or entry.dataset is None


def test_what_two_tables_lack_is_planned_once(tmp_path):
    table = FILE.partition("[[table]]")[2].replace('"Table 1"', '"Table 2"')
    page = page_of(tmp_path, f"{FILE}[[table]]{table}", ms=36.0)
    assert page.count("--solver dps-paper-1000") == page.count("| DPS (1000): Blur, s |") == 1
    assert "| **in all** |  |  | **0.24** |" in page, "12 images x (1000 x 2 + 20) x 36 ms"
