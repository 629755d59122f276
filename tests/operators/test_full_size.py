"""At 3 x 256 x 256: the whole path with the FFHQ network, and no tensor of the size of a matrix over
pixels."""

import re
import subprocess
import sys
from functools import partial

import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.noise import StreamNoise
from bench.operators import OPERATORS, make_operator
from bench.priors.network import NetworkPrior
from bench.records.table import load
from bench.run.solve import solve
from bench.solver import Measurement
from tests import ROOT
from tests.ours import SOLVERS
from tests.supplied import MADE

pytestmark = pytest.mark.long
SHAPE = (3, 256, 256)
IMAGE = 3 * 256 * 256 * 4
"""Bytes of an image in float32."""
LARGEST = 12 * IMAGE
"""Twelve images, since LGD-MC draws ten at once. The frequencies of phase retrieval, padded fourfold and
complex, are 4.5; a 256 x 65536 matrix would be 85, one of 65536 x 65536 (a channel) 22,000, the 61 x 61
neighbourhoods of all pixels 3,700."""
LARGER = {"ct": 24 * IMAGE, "mri": 17 * IMAGE}
"""Of operators that need more. The sparse matrix of 16 angles, 34 entries a pixel, is 23 images.
The y of four coils, complex, is eight, and noise of its shape, drawn in float64, 16."""


class Largest(TorchDispatchMode):
    """Remembers the largest memory behind a tensor that any operation returned; a view counts as what it
    looks into."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.operation = 0, ""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor) and (size := storage(leaf)) > self.bytes:
                self.bytes, self.operation = size, str(func)
        return out


def storage(x: Tensor) -> int:
    """Bytes behind a tensor; those of all its parts where it is sparse."""
    if x.layout == torch.sparse_csr:
        return sum(storage(part) for part in (x.crow_indices(), x.col_indices(), x.values()))
    return x.untyped_storage().nbytes()


class Mixture(nn.Conv2d):
    """In place of a network: each pixel's noise is a mixture of its own colours, so all larger tensors are
    the operators'."""

    def __init__(self) -> None:
        super().__init__(3, 3, 1, bias=False)
        self.weight.data = 0.8 * torch.eye(3)[..., None, None] + 0.1

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        return super().forward(x)


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - {"matrix", "random_matrix", "blur_nonlinear"}))
def test_no_tensor_of_any_solver_is_a_matrix_over_pixels(name):
    prior = NetworkPrior(Mixture(), SHAPE)
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with Largest() as seen:
        A = MADE.get(name, partial(make_operator, name))(SHAPE, [0]).to(dtype=torch.float32)
        y = A(x)
        for cls in SOLVERS.values():
            solver = cls().quick(2)
            if solver.reject(A, prior) is None:
                solve(solver, Measurement(y, A, 0.05), prior, StreamNoise([0]))
    assert 0 < seen.bytes < LARGER.get(name, LARGEST), seen.operation


def test_the_meter_sees_a_matrix_that_is_only_looked_into():
    with Largest() as seen:
        torch.ones(256, 256)[:2, :2].sum()
    assert seen.bytes == 4 * 256 * 256


@pytest.mark.slow
def test_the_ffhq_network_goes_through_the_whole_path(tmp_path):
    """Runs `benchmarks/full_size.py`, which also fails above 12 GB, on fewer tasks; needs what `bench fetch
    metrics` gets."""
    script = ROOT / "benchmarks" / "full_size.py"
    tasks = ["inpaint_box", "sr_average4", "sr_bicubic4", "hdr"]
    options = [option for task in tasks for option in ("--task", task)]
    done = subprocess.run(
        [sys.executable, script, "--out", tmp_path, *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    records = load(tmp_path / "run")
    solved = records[records["status"] == "ok"]
    assert set(records["status"]) == {"ok"}
    assert set(solved["solver"]) == set(re.findall(r"solver: (\w+)", script.read_text()))
    assert solved[["psnr", "ssim", "lpips", "misfit"]].notna().all(axis=None)
    assert {path.stem for path in (tmp_path / "run" / "features").glob("??/*.npy")} == set(solved["key"])
    tables = pd.read_csv(tmp_path / "run" / "report" / "tables.csv")
    whole = tables[tables["n"] >= 3].set_index(["task", "solver"])
    assert (
        whole.loc[[("sr_bicubic4", "pinv"), ("sr_bicubic4", "ddrm")], ["fid", "kid"]].notna().all(axis=None)
    )
    assert all(
        f"grid_{task}.png" in (tmp_path / "run" / "report" / "report.md").read_text() for task in tasks
    )
    for key in solved["key"]:
        with Image.open(tmp_path / "run" / "objects" / key[:2] / f"{key}.png") as picture:
            assert (picture.size, picture.mode) == ((256, 256), "RGB")
