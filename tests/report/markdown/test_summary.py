"""The tables at a glance."""

from bench.report.columns import KNOWN
from bench.report.markdown.summary import summary
from bench.report.ranking import judge_all
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import N, asked, manifest, record, records

PSNR, SSIM, LPIPS = KNOWN[:3]


def judged_tables(folder, found, runs):
    sets, tables = Sets([folder]), []
    for table in build(found, runs):
        tables.append(judge_all(table, [PSNR, LPIPS], sets, {}))
    return tables


def test_rows_about_fewer_images_come_last_below_the_best_row_on_these(tmp_path):
    """The row is short in one task and absent in the other; no task has LPIPS."""
    short = [record("same", i, label="short", cell="short", key=f"short{i}") for i in range(6)]
    tables = judged_tables(tmp_path, [*records(), *records("box"), *short], [])
    (title, matrix) = summary(tables, [PSNR, LPIPS])
    lines = matrix.splitlines()
    assert title == "## At a glance" and lines[0] == "| PSNR\u00a0↑ | blur | box |"
    names = [line.split(" | ")[0] for line in lines[2:]]
    assert names == [
        *("| best", "| fails", "| *pinv*", "| same", "| worse"),
        "| <sub>best by PSNR, on the same 6 images</sub>",
        "| short<br><sub>6\u00a0images</sub>",
    ]
    best = tables[0].table.rows[0].scores("psnr")
    over = sum(best[str(i)] for i in range(6)) / 6
    assert lines[-2].endswith(f" | <sub>{over:.2f}</sub> |  |") and lines[-1].endswith(" | – |")


def test_one_task_needs_no_overview(tmp_path):
    assert summary(judged_tables(tmp_path, records(), [manifest(**asked(n=N))]), [PSNR]) == []
