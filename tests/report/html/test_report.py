"""Which files a report in HTML has."""

from bench.report import ALL_FORMATS, FORMATS, render
from tests.made_exact import exact_row
from tests.made_run import make_run, records


def test_one_page_for_images_and_one_for_problems(tmp_path):
    found = [*records(), *exact_row("exact", task="exact"), *exact_row("dps", task="exact", mmd=2.0)]
    make_run(tmp_path / "run", found)
    written = render(tmp_path / "run", tmp_path / "out", ["html"])
    assert [path.name for path in written] == ["report.html", "exact.html"]


def test_the_page_is_one_format_of_several(tmp_path):
    make_run(tmp_path / "run", records())
    written = {path.suffix for path in render(tmp_path / "run", tmp_path / "out", ALL_FORMATS)}
    assert written == {".md", ".csv", ".png", ".html"} and "html" not in FORMATS
