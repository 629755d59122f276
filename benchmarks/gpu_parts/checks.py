"""Parts 1 and 4: the tests of devices, and records of a CPU made again."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.gpu_parts.job import NO_TIME, NOT_INSTALLED, ROOT, Failed, GpuJob, Skipped

RUN = "results/reference/linear"
ROW = re.compile(
    r"(?P<task>\S+) +(?P<label>\S+) +(?P<images>\d+) +(?P<gaps>.*?)  (?P<verdict>reproduced|differs)"
    r"(: (?P<changed>.*?))?(, other code)?$"
)
"""A line of the table of `bench verify`."""


def measure_verify(job: GpuJob) -> None:
    """Some rows of the reference run through `python -m bench verify`, a process for each task."""
    for package in ("click", "pydantic", "yaml", "PIL", "azula"):
        if importlib.util.find_spec(package) is None:
            raise Skipped(NOT_INSTALLED.format(package))
    found = []
    for task in job.sizes.tasks:
        if job.left() <= 0:
            job.lost.append(NO_TIME)
            continue
        found += verify(job, task)
    lost = [f"{row['task']} {row['label']}" for row in found if not row["reproduced"]]
    if lost:
        raise Failed(f"failed: {len(lost)} of {len(found)} rows were not reproduced: {', '.join(lost)}")


def verify(job: GpuJob, task: str) -> list[dict[str, Any]]:
    """Emits the rows of one task."""
    rows = [option for row in job.sizes.rows for option in ("--solver", row)]
    options = ["--images", str(job.sizes.images), "--device", str(job.device), "--progress", "plain"]
    command = [sys.executable, "-m", "bench", "verify", RUN, "--task", task, *rows, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)  # noqa: S603
    print(done.stdout)
    found = read_table(done.stdout)
    for row in found:
        job.emit(**row)
    if not found:
        job.lost.append(f"verify compared nothing of {task} and ended with {done.returncode}")
    return found


def read_table(text: str) -> list[dict[str, Any]]:
    """The rows that `verify` prints.

    A row counts as reproduced too where it lacks metrics, whose networks are not there, and no more differs.
    """
    metrics, found = re.findall(r"(\w+) median, max", text), []
    for row in filter(None, map(ROW.match, text.splitlines())):
        pairs = zip(metrics, read_medians(row["gaps"]), strict=True)
        medians = {name: float(gap) for name, gap in pairs if gap != "-"}
        about = {"task": row["task"], "label": row["label"], "images": int(row["images"])}
        good = row["verdict"] == "reproduced" or only_lacking(row["changed"], medians)
        found.append({**about, "medians": medians, "changed": row["changed"], "reproduced": good})
    return found


def read_medians(gaps: str) -> list[str]:
    """The first of each pair of numbers; a metric that is not there is one dash."""
    words, medians = gaps.split(), []
    while words:
        medians.append(words[0])
        words = words[1 if words[0] == "-" else 2 :]
    return medians


def only_lacking(changed: str | None, medians: dict[str, float]) -> bool:
    """Whether metrics that could not be computed are all that differs."""
    from bench.verify.repeat import unit

    lacking = changed is not None and all(part.startswith("no ") for part in changed.split(", "))
    return lacking and all(gap <= unit(name.lower()) for name, gap in medians.items())


def measure_tests(job: GpuJob) -> None:
    """The tests that take a device, on this one; a row each."""
    import pytest

    os.environ["BENCH_TEST_DEVICE"] = str(job.device)
    files = [str(next((ROOT / "tests").rglob(f"test_{name}.py"))) for name in job.sizes.tests]
    outcomes = Outcomes(job.emit)
    options = ["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", "-k", job.sizes.chosen]
    code = pytest.main([*files, *options], plugins=[outcomes])
    if outcomes.failed or code:
        raise Failed(f"failed: {len(outcomes.failed)} tests did not pass, pytest ended with {int(code)}")


class Outcomes:
    """A plugin of pytest: leaves out tests that take no device and emits the outcomes of the others."""

    def __init__(self, emit: Callable[..., None]) -> None:
        self.emit, self.failed = emit, []

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Hook."""
        kept = [item for item in items if item.path.stem == "test_device" or "device" in item.fixturenames]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Hook."""
        if report.when != "call" and report.outcome == "passed":
            return
        name = report.nodeid.removeprefix("tests/")
        if report.outcome == "failed":
            self.failed.append(name)
        self.emit(test=name, outcome=report.outcome, seconds=round(report.duration, 3))
