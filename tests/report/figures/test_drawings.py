"""Which figures a run has, and their files in each format."""

import pytest

from bench.report.columns import KNOWN
from bench.report.figures.drawings import draw, of_images
from bench.report.figures.page import blank_page
from bench.report.figures.pictures.sheet import Sheet
from bench.report.trajectories.kept import KeptTrajectories
from tests.made_tasks import PSNR, judged

CURVES = {f"task{k}": KeptTrajectories() for k in range(3)}


def test_each_figure_is_a_file_of_each_format():
    figures = ("page", blank_page(1, 1)), ("sheet", Sheet(10, 10)), ("none", None)
    files, shown = draw(["svg", "png"], figures)
    assert shown == {"page": ["page.svg", "page.png"], "sheet": ["sheet.svg", "sheet.png"]}
    assert files["sheet.png"].startswith(b"\x89PNG") and b"<svg" in files["page.svg"]


@pytest.mark.long
def test_tasks_have_a_figure_of_cost_and_suites_one_of_ranks(tmp_path):
    found = dict(of_images(judged(tmp_path), [PSNR], [], lambda name: None, CURVES))
    drawn = {name for name, figure in found.items() if figure}
    assert drawn == {f"cost_task{k}" for k in range(3)}
    assert {name.split("_")[0] for name in found} == {"cost", "grid", "extremes", "ranks", "trajectories"}
    none = of_images(judged(tmp_path, 1), [], [], lambda name: None, CURVES)
    assert not any(figure for _, figure in none)
    assert KNOWN[0] is PSNR
