"""The figure of average ranks."""

from dataclasses import replace

from bench.report.across.ranks import over_tasks
from bench.report.figures import critical
from tests.made_tasks import PSNR, judged


def test_the_figure_is_of_the_ranks_alone(tmp_path):
    (found,) = over_tasks(judged(tmp_path), [PSNR])
    png = critical.draw(found, [PSNR], {})
    assert png.startswith(b"\x89PNG") and critical.draw(found, [PSNR], {}) == png
    assert critical.draw(replace(found, tasks=("one",)), [PSNR], {}) != png
