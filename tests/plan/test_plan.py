"""The plan is plain data; its shards share the images among them."""

import ast
from dataclasses import replace

import pytest

from bench.plan.build import prepare
from bench.plan.options import Options
from bench.plan.plan import share_of
from bench.records.record import DONE
from bench.suites.suite import load_suite
from tests import ROOT
from tests.made_record import make
from tests.tiny import build

MODULES = sorted((ROOT / "bench" / "plan").glob("*.py"))
MOVES = {"to", "cuda", "cpu", "double", "float", "half", "pin_memory"}
"""Methods that give a tensor another place or type."""
TYPES = {"dtype", "device", "float32", "float64", "bfloat16", "float16"}
"""All of torch that a plan may name."""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return load_suite(str(build(tmp_path_factory.mktemp("tiny"))))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_makes_or_moves_a_tensor(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in MOVES, f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
            assert node.attr in TYPES, f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("torch"), f"line {node.lineno}"


def test_shards_share_the_jobs(suite):
    whole = prepare(suite, Options())
    jobs = [job.key for job in whole.missing(whole.cells[0], set())]
    parts = []
    for i in (1, 2, 3):
        part = replace(whole, options=Options(shard=(i, 3)))
        parts += [job.key for job in part.missing(whole.cells[0], set())]
    assert sorted(parts) == sorted(jobs) and len(set(jobs)) == 4
    assert [job.key for job in whole.missing(whole.cells[0], set(jobs[1:]))] == jobs[:1]


@pytest.mark.parametrize(("images", "n"), [(2, 2), (64, 16), (7, 3), (3, 5)])
def test_shards_are_balanced_and_do_not_depend_on_the_order(images, n):
    ids = [f"im{k}" for k in range(images)]
    shares = [share_of(ids, i, n) for i in range(1, n + 1)]
    assert sorted(image for share in shares for image in share) == sorted(ids)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert shares == [share_of(ids[::-1], i, n) for i in range(1, n + 1)]


def test_the_parts_of_a_shard_are_shards_of_it():
    """Workers divide the shard of a run."""
    ids = [f"im{k}" for k in range(50)]
    assert sorted(share_of(ids, 2, 6) + share_of(ids, 5, 6)) == share_of(ids, 2, 3)


def test_retry_tries_again_what_is_not_done(suite):
    records = [make(0, status="ok"), make(1, status="timeout"), make(2, status="skipped")]
    plan, again = prepare(suite, Options()), prepare(suite, Options(retry=True))
    assert plan.done(records, ()) == {record.key for record in records}
    assert again.done(records, ()) == {record.key for record in records if record.status in DONE}
