"""Made-up rows over several tasks."""

import numpy as np

from bench.report.columns import KNOWN
from bench.report.ranking import judge_all
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import record

PSNR = KNOWN[0]
SHIFT = {"best": 1.0, "same": 1.0, "worse": -4.0, "fails": -2.0}


def judged(folder, tasks=3, n=30, rows=tuple(SHIFT)):
    """Rows over tasks; "fails" is left out of the last task."""
    rng = np.random.default_rng(0)
    made = []
    for t in range(tasks):
        hard = 20 + 3 * rng.normal(size=n)
        for row in rows:
            psnr = hard + SHIFT[row] + rng.normal(size=n)
            for i, value in enumerate(psnr):
                image = {"image": f"{i}", "key": f"{t} {row} {i}", "y_hash": f"{t} {i}"}
                made.append(record(row, 0, f"task{t}", psnr=value, **image))
    made = [one for one in made if (one.label, one.task) != ("fails", f"task{tasks - 1}")]
    return [judge_all(table, [PSNR], Sets([folder]), {}) for table in build(made, [])]
