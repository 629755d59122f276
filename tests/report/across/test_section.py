"""Average ranks on a page."""

from bench.report.across.ranks import over_tasks
from bench.report.across.section import section
from tests.made_tasks import PSNR, judged


def test_a_page_says_who_wins_and_what_is_not_separated(tmp_path):
    found = over_tasks(judged(tmp_path), [PSNR])
    title, table, groups = section(found, [PSNR])
    first, second = found[0].ranks["psnr"].names[:2]
    assert title == "## Across 3 tasks of linear" and f"wins against {first}" in table
    assert groups == f"By PSNR the average ranks are not separated of `{first}` and `{second}`."
    assert section([], [PSNR]) == []
