"""What runs on a GPU, without one: every tensor is on the device that it should be on, and the right device
is waited for."""

import pytest
import torch

from bench.operators.base import LinearOperator, PinvOperator, SVDOperator, moved
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.run.score import Scorer
from bench.solver import Measurement
from bench.suites.changes import override
from bench.suites.suite import load_suite
from bench.system import device as environment
from bench.system.device import device_name, free_memory, in_halves, synchronise
from tests.far import REAL, far_device
from tests.operators.cases import CASES, build, data, image
from tests.tiny import build as build_world

CPU = torch.device("cpu")


@pytest.mark.skipif(REAL is not None, reason="BENCH_TEST_DEVICE names a real device")
def test_the_pretence_refuses_what_a_gpu_refuses(monkeypatch):
    near = torch.randn(3)
    with far_device(monkeypatch) as device:
        far = near.to(device)
        assert torch.equal((2 * far).cpu(), 2 * near) and far.sum().item() == near.sum().item()
        with pytest.raises(RuntimeError, match="two devices"):
            far + near
        with pytest.raises(RuntimeError):
            far.numpy()


def capabilities(A, x, y):
    """Everything that a solver may ask of an operator."""
    out = [A(x), A.guess(y), *([] if A.measured is None else [A.measured])]
    if A.differentiable:
        Ax, pull = A.vjp(x)
        out += [Ax, pull(y)]
    if isinstance(A, PinvOperator):
        out += [A.pinv(y)]
    if isinstance(A, LinearOperator):
        damping = torch.linspace(0.1, 0.3, len(x), dtype=x.dtype).to(x.device)
        out += [A.adjoint(y), A.pinv(y, 0.2), A.pinv(y, damping)]
    if isinstance(A, SVDOperator):
        out += [A.s, A.Ut(y), A.U(x), A.V(x), A.Vt(x)]
    return out


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: CASES[i][0])
def test_operators_are_wholly_on_their_device(case, monkeypatch):
    """In float32, as for a solver, also when cut and repeated after the move."""
    A = build(case).to("cpu", torch.float32)
    if CASES[case][0] == "ct" and REAL is None:
        pytest.skip("the pretended device has no sparse matrices")
    x, y = image(A).float(), moved(data(A), dtype=torch.float32)
    near = A[1:].repeat_interleave(2), x[1:].repeat_interleave(2, 0), y[1:].repeat_interleave(2, 0)
    expected = capabilities(*near)
    with far_device(monkeypatch) as device:
        far = A.to(device)[1:].repeat_interleave(2)
        inputs = (v.to(device)[1:].repeat_interleave(2, 0) for v in (x, y))
        found = capabilities(far, *inputs)
        assert all(v.device == device for v in found)
        found = [v.cpu() for v in found]
    for ours, theirs, off in zip(found, expected, rounding(expected, *near), strict=True):
        torch.testing.assert_close(ours, theirs, **off)


def rounding(expected, A, x, y):
    """Tolerances: the usual ones where the device is pretended. A real one rounds differently, which a
    pseudo-inverse may amplify: it may deviate 30 times as far as the CPU does where its inputs change by the
    rounding of float32.
    """
    if REAL is None:
        return [{} for _ in expected]
    jitter = torch.Generator().manual_seed(0)
    x, y = (v * (1 + 1e-7 * torch.randn(v.shape, generator=jitter)) for v in (x, y))
    moved = [
        float((a.double() - b.double()).abs().max())
        for a, b in zip(capabilities(A, x, y), expected, strict=True)
    ]
    largest = [float(v.double().abs().max()) for v in expected]
    return [{"rtol": 1e-5, "atol": 1e-5 * top + 30 * off} for top, off in zip(largest, moved, strict=True)]


@pytest.mark.long
def test_a_run_on_another_device_gives_the_same_records(tmp_path, monkeypatch):
    """Every solver, its prior, its noise, the metrics and the pictures: one path for the CPU and for what is
    not one."""
    suite = override(load_suite(str(build_world(tmp_path))), tasks=["box"], images=2)

    def run(device, folder):
        Runner(prepare(suite, Options(device=str(device), batch=2)), folder, Observer()).run()
        return {r.key: r for r in read_records(folder)[0]}

    near = run("cpu", tmp_path / "near")
    with far_device(monkeypatch) as device:
        far = run(device, tmp_path / "far")
    assert near.keys() == far.keys() and len(near) > 8
    for key, r in far.items():
        assert (r.status, r.device, r.reason, r.nfe, r.vjps) == (
            "ok",
            device_name(device),
            None,
            near[key].nfe,
            near[key].vjps,
        )
        assert r.metrics == pytest.approx(near[key].metrics, rel=1e-3, abs=1e-3), r.label


def test_the_device_that_works_is_waited_for(monkeypatch):
    """A worker on cuda:1 has cuda:0 as its current device, whose work is done at once."""
    asked = []
    monkeypatch.setattr(torch.cuda, "synchronize", asked.append)
    synchronise(torch.device("cuda:1"))
    synchronise(CPU)
    assert asked == [torch.device("cuda:1")]


def test_what_does_not_fit_is_halved_until_it_does(monkeypatch):
    seen, released = [], []

    def f(rows):
        seen.append((rows.start, rows.stop))
        if rows.stop - rows.start > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return range(rows.start, rows.stop)

    monkeypatch.setattr(environment, "release_memory", released.append)
    assert in_halves(f, 5, CPU) == [0, 1, 2, 3, 4]
    assert seen == [(0, 5), (0, 2), (2, 5), (2, 3), (3, 5)] and len(released) == 2

    def broken(rows):
        raise ValueError("not of memory")

    with pytest.raises(ValueError, match="not of memory"):
        in_halves(broken, 5, CPU)


def test_images_that_cannot_be_scored_together_are_scored_in_parts(monkeypatch):
    """Out of memory in a metric's network costs neither the run nor a digit."""
    A = build(0)
    x, y = image(A), data(A)
    scorer = Scorer(CPU, None, A.shape, ("psnr",))
    measurement = Measurement(y, A, 0.1)

    def lpips(x_hat, x):
        if len(x) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return (x_hat - x).flatten(1).norm(dim=1)

    whole = scorer(x + 0.1, x, measurement)
    monkeypatch.setattr(scorer, "asked", ("psnr", "lpips"))
    monkeypatch.setattr(scorer, "available", {"psnr", "lpips"})
    monkeypatch.setattr(scorer, "lpips", {"lpips": lpips})
    parts = scorer(x + 0.1, x, measurement)
    assert [row.pop("lpips") for row in parts] == pytest.approx([0.1 * x[0].numel() ** 0.5] * len(x))
    assert parts == [pytest.approx(row, rel=1e-12) for row in whole]


def test_the_free_memory_of_this_machine_is_a_number_of_bytes():
    assert 1e7 < free_memory(torch.device("cpu")) < 1e14
    assert free_memory(torch.device("meta")) == float("inf")


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({}, 4),
        ({"cpu.max": "max 100000"}, 4),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu.max": "900000 100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
    ],
)
def test_a_container_has_no_more_threads_than_its_quota(tmp_path, monkeypatch, files, most):
    """By both versions of control groups; what the user has set stays."""
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(environment, "CGROUP", str(tmp_path))
    monkeypatch.setattr(environment.os, "sched_getaffinity", lambda _: range(4))
    assert environment.cores() == most
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with environment.bounded_threads():
            assert torch.get_num_threads() == most
        assert torch.get_num_threads() == 4
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
        with environment.bounded_threads():
            assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
