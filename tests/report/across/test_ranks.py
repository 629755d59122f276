"""Which rows and tasks are averaged."""

import csv
import io

import pytest

from bench.report.across.ranks import FIELDS, over_tasks, sheet
from tests.made_tasks import PSNR, judged


def test_rows_that_are_ranked_in_every_task_are_averaged(tmp_path):
    (found,) = over_tasks(judged(tmp_path), [PSNR])
    ranks = found.ranks["psnr"]
    assert (found.suite, len(found.tasks), ranks.n_tasks) == ("linear", 3, 3)
    assert set(ranks.names) == {"best", "same", "worse"} and ranks.names[2] == "worse"
    assert ranks.groups() == [(0, 1)]
    lines = list(csv.DictReader(io.StringIO(sheet([found]).decode())))
    assert tuple(lines[0]) == FIELDS and len(lines) == 6
    assert {line["separated"] for line in lines if "worse" in (line["row"], line["other"])} == {"True"}


@pytest.mark.parametrize("changes", [{"tasks": 2}, {"n": 29}, {"rows": ("best", "worse", "fails")}])
def test_too_few_tasks_images_or_rows_average_nothing(tmp_path, changes):
    assert over_tasks(judged(tmp_path, **changes), [PSNR]) == []
