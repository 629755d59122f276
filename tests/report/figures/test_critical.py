"""The figure of average ranks."""

from bench.report.across.ranks import over_tasks
from bench.report.figures import critical
from bench.report.figures.colours import looks
from bench.report.figures.page import encode
from tests.made_tasks import PSNR, judged


def test_the_figure_shows_the_ranks_and_says_of_what(tmp_path):
    tables = judged(tmp_path)
    (found,) = over_tasks(tables, [PSNR])
    own = [one.table for one in tables]
    page = critical.draw(found, [PSNR], looks(own), own)
    [axis] = page.axes
    names = found.ranks["psnr"].names
    assert [label.get_text() for label in axis.get_yticklabels()] == list(names)
    marks = [line.get_xdata()[0] for line in axis.lines if line.get_marker() not in {"None", ""}]
    assert sorted(set(marks)) == sorted(found.ranks["psnr"].means)
    written = " ".join(text.get_text() for text in page.texts)
    assert f"{len(found.tasks)} tasks" in written and f"prior {own[0].head.prior}" in written
    assert encode(page, "png") == encode(critical.draw(found, [PSNR], looks(own), own), "png")
