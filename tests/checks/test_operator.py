"""The contract of operators: ours keep it, a sound one of a user's runs, and one that breaks a promise is
told which."""

import hashlib
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from bench.checks.operator import check_operator
from bench.cli import cli
from bench.operators import OPERATORS
from bench.operators.base import LinearOperator, Operator, SVDOperator
from bench.records.journal import read_records
from bench.system.code.syntax import code_text
from tests.tiny import build

SUPPLIED = {"inpaint_freeform", "blur_nonlinear", "matrix", "random_matrix"}
"""They need a file or a parameter."""
FLIP = '''
"""An operator of a user's own."""

import torch

from bench.operators.base import LinearOperator


class Flip(LinearOperator):
    """The image upside down, {factor} times as bright."""

    @property
    def out_shape(self):
        return self.shape

    def forward(self, x):
        return {factor} * x.flip(-2)

    def transpose(self, v):
        return {factor} * v.flip(-2)
'''


class Sound(LinearOperator):
    """Each image times its own mask and shifted by one row; each class below breaks a promise."""

    batched = ("mask",)

    def __init__(self, shape, seeds):
        super().__init__(shape, seeds)
        self.mask = torch.stack([self.draw(seed) for seed in self.seeds]).double()

    def draw(self, seed):
        return torch.rand(self.shape, generator=torch.Generator().manual_seed(seed)) < 0.7

    @property
    def out_shape(self):
        return self.shape

    @property
    def measured(self):
        return self.mask.bool()

    def parameters(self):
        return {"mask": self.mask}

    def forward(self, x):
        return self.mask * x.roll(1, -2)

    def transpose(self, v):
        return (self.mask * v).roll(-1, -2)


class Cropped(Operator):
    """The inner part, a view of the image."""

    @property
    def out_shape(self):
        return (self.shape[0], self.shape[1] - 4, self.shape[2] - 4)

    def forward(self, x):
        return x[:, :, 2:-2, 2:-2]


class GlobalMask(Sound):
    """Draws from torch's generator."""

    def draw(self, seed):
        return torch.rand(self.shape) < 0.7


class Unnamed(Sound):
    """Does not show its mask."""

    def parameters(self):
        return {}


class SharedMask(Sound):
    """Forgets that the mask is one per image."""

    batched = ()


class Constant(Sound):
    """Affine."""

    def forward(self, x):
        return super().forward(x + 0.1)


class WrongAdjoint(Sound):
    """Shifts in the same direction."""

    def transpose(self, v):
        return (self.mask * v).roll(1, -2)


class HalfMeasured(Sound):
    """Says that nothing in the upper half was measured, and measures it."""

    @property
    def measured(self):
        half = self.mask.bool().clone()
        half[..., :8, :] = False
        return half


class BatchMean(Sound):
    """Subtracts what all images share."""

    def forward(self, x):
        return super().forward(x - x.mean(0, keepdim=True))


class Undamped(Sound):
    """Ignores the damping."""

    def solve_pinv(self, y, damping=0.0):
        return self.transpose(y)


class Halved(Sound):
    """A pseudo-inverse of half the size."""

    def solve_pinv(self, y, damping=0.0):
        return super().solve_pinv(y, damping) / (2 if isinstance(damping, float) and damping == 0 else 1)


class Overwriting(Sound):
    """Works on its input in place."""

    def forward(self, x):
        return x.mul_(1.0 if x.requires_grad else 0.999) * self.mask


class Noisy(Sound):
    """Measures noise too."""

    def forward(self, x):
        return super().forward(x) + 1e-3 * torch.randn(x.shape).to(x) * self.mask


class Doubles(Sound):
    """Leaves float32."""

    def forward(self, x):
        return self.mask.double() * x.roll(1, -2)


class OtherShape(Sound):
    """Says another shape."""

    @property
    def out_shape(self):
        return (1, *self.shape)


class WrongPull(Sound):
    """A pullback of its own, of the wrong sign."""

    def vjp(self, x):
        return self(x), lambda v: -self.adjoint(v)


class Rounded(Cropped):
    """Rounds, without a word about its gradient: it is zero wherever it exists."""

    def forward(self, x):
        return (8 * super().forward(x)).round() / 8


class HalfNamed(Sound):
    """Shows something else than its mask."""

    def parameters(self):
        return {"taps": torch.ones(len(self.seeds), 3)}


class ReadsNothing(Sound):
    """Its first guess is not a number where something stands in what was not measured."""

    def guess(self, y):
        return super().guess(y) + (-(y * ~self.measured).abs()).sqrt()


class Undocumented(Sound):
    pass


class Skewed(SVDOperator):
    """Says that a scaled identity is a decomposition: s = 2 with V = 2 is not orthogonal."""

    @property
    def out_shape(self):
        return self.shape

    @property
    def s(self):
        return torch.ones(1, *self.shape, dtype=torch.float64)

    def apply_U(self, z):
        return z / 2

    def apply_Ut(self, y):
        return y / 2

    def apply_V(self, z):
        return 2 * z

    def apply_Vt(self, x):
        return 2 * x


BROKEN = {
    GlobalMask: "What is random is drawn from the image's own seed",
    Unnamed: "What is random is drawn from the image's own seed",
    SharedMask: "An image alone, or twice in a batch",
    Constant: "A LinearOperator is linear",
    WrongAdjoint: "<A x, v> = <x, A^T v>",
    HalfMeasured: "Where `measured` says that an entry is not",
    BatchMean: "An image alone, or twice in a batch",
    Undamped: "pinv(y, d) solves",
    Halved: "A(pinv(A(x))) = A(x)",
    Overwriting: "The same input gives the same output",
    Noisy: "The same input gives the same output",
    Doubles: "to(dtype) moves everything",
    OtherShape: "A(x) is finite, of shape out_shape",
    WrongPull: "The pullback is the derivative",
    Rounded: "The pullback is the derivative",
    HalfNamed: "What is random is drawn from the image's own seed",
    ReadsNothing: "Where `measured` says that an entry is not",
    Undocumented: "The class has a docstring",
    Skewed: "V is orthogonal",
}


def broken_by(spec: str) -> list[str]:
    return [promise.says for promise in check_operator(spec) if promise.broken]


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - SUPPLIED))
def test_our_operators_keep_the_contract(name):
    assert broken_by(name) == []


@pytest.mark.parametrize("name", ["Sound", "Cropped"])
def test_a_sound_operator_keeps_the_contract(name, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    assert broken_by(f"{__name__}:{name}") == []


@pytest.mark.long
@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_promise_is_named(cls, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    assert any(says.startswith(BROKEN[cls]) for says in broken_by(f"{__name__}:{cls.__name__}")), cls.__doc__


def bench(*args):
    return CliRunner().invoke(cli, [str(a) for a in args])


@pytest.mark.long
def test_an_operator_of_a_users_own_is_checked_and_run(tmp_path):
    """Its code is in the keys and in the identity of y; where its file lies is not."""
    suite, records = build(tmp_path), {}
    for place, factor in (("a", 1.0), ("b", 1.0), ("c", 0.5)):
        file = tmp_path / place / "flip.py"
        file.parent.mkdir()
        file.write_text(FLIP.format(factor=factor))
        checked = bench("check", file)
        assert checked.exit_code == 0 and "FAIL" not in checked.output, checked.output
        start = ("run", "--suite", suite, "--operator", f"{file}:Flip", "--solver", "dps", "--solver", "ddrm")
        done = bench(*start, "--out", tmp_path / "run" / place)
        assert done.exit_code == 0 and "Flip" in done.output, done.output
        records[place] = {
            r.label: r for r in read_records(tmp_path / "run" / place)[0] if r.image in {"im0", "*"}
        }
    a, b, c = (records[place]["dps"] for place in "abc")
    assert (a.operator, a.sigma, a.status) == ("Flip", 0.05, "ok")
    tree = code_text((tmp_path / "a" / "flip.py").read_bytes())
    assert a.operator_sha256 == b.operator_sha256 == hashlib.sha256(tree).hexdigest()
    assert (a.key, a.y_hash) == (b.key, b.y_hash) and a.key != c.key and a.y_hash != c.y_hash
    assert records["a"]["ddrm"].status == "skipped" and "SVDOperator" in records["a"]["ddrm"].reason


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1/0", "cannot import it: ZeroDivisionError"),
        ("class Mine: pass", "defines 0 operators (none); name one as"),
        (
            FLIP.format(factor=1).replace("def forward", "def backward"),
            "TypeError: Can't instantiate abstract class Flip",
        ),
        (FLIP.format(factor=1).replace("x.flip(-2)", "x.flap(-2)"), "Flip raised AttributeError"),
        (
            FLIP.format(factor=1).replace("x.flip(-2)", "x[:, :, 1:]"),
            "Flip.forward gave (1, 1, 15, 16), expected (B, *out_shape)",
        ),
    ],
)
def test_an_operator_that_cannot_be_used_is_one_line(tmp_path, source, says):
    suite, file = build(tmp_path), tmp_path / "mine.py"
    file.write_text(source)
    done = bench("run", "--suite", suite, "--operator", file, "--out", tmp_path / "run")
    assert done.exit_code == 2 and says in done.stderr and done.stderr.count("error: ") == 1, done.stderr
    assert not (tmp_path / "run").exists()
