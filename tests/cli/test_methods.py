"""`check` and `certify`: what is right and what is wrong with a solver or an operator."""

import re
from dataclasses import replace

import pytest

from bench.certify import certificates
from bench.certify.certificates import read_certificates
from bench.cli.methods import certification, names_operator
from bench.suites.methods import load_solver
from tests.commands import bench


@pytest.mark.long
def test_check_tells_good_from_bad(tiny):
    result = bench("check", f"{tiny}/mine.py:Mine")
    assert result.exit_code == 1
    assert "PASS  The same seed gives the same result" in result.stdout
    assert "FAIL  It comes nearer to the exact posterior mean" in result.stdout
    failed = result.stdout.count("FAIL")
    checks = failed + result.stdout.count("PASS")
    assert re.search(rf"^{checks - failed} of {checks} checks passed, 1 n/a$", result.stdout, re.M)
    assert f"fails {failed} of {checks} checks" in result.stderr
    assert bench("check", "pinv").exit_code == 0
    unknown = bench("check", "blur_gaus")
    assert (
        unknown.exit_code == 2
        and "unknown solver, operator or prior 'blur_gaus' (did you mean 'blur_gauss'?)" in unknown.stderr
    )


TWO = """
from dataclasses import dataclass

from bench.operators.base import LinearOperator
from solvers.ddnm import DDNM


class Flipped(LinearOperator):
    \"\"\"The image upside down.\"\"\"

    @property
    def out_shape(self):
        return self.shape

    def forward(self, x):
        return x.flip(-2)

    def transpose(self, v):
        return v.flip(-2)


class Brighter(Flipped):
    \"\"\"Twice as bright; the adjoint does not know.\"\"\"

    def forward(self, x):
        return 2 * super().forward(x)
"""


ONE_OF_EACH = (
    TWO.partition("class Brighter")[0]
    + """
@dataclass(frozen=True)
class Mine(DDNM):
    \"\"\"DDNM.\"\"\"
"""
)


@pytest.mark.long
def test_check_of_a_file_checks_all_that_it_defines(tmp_path):
    both, each, none = (tmp_path / name for name in ("both.py", "each.py", "none.py"))
    both.write_text(TWO)
    each.write_text(ONE_OF_EACH)
    none.write_text("import torch\n")
    done = bench("check", both)
    assert (
        done.exit_code == 1 and f"{both}:Flipped:\n" in done.stdout and f"{both}:Brighter:\n" in done.stdout
    )
    assert "FAIL  <A x, v> = <x, A^T v>" in done.stdout.partition("Brighter:")[2]
    assert "FAIL" not in done.stdout.partition("Brighter:")[0]
    done = bench("check", each)
    assert done.exit_code == 0 and "PASS  A LinearOperator is linear" in done.stdout, done.output
    assert f"{each}:Mine:\n" in done.stdout and "PASS  The same seed gives the same result" in done.stdout
    done = bench("check", none)
    assert done.exit_code == 2 and done.stderr.endswith(
        f"\nerror: {none} defines no class derived from Solver or Operator\n"
    )


@pytest.mark.long
def test_certify_measures_laws():
    result = bench("certify", "ddrm")
    assert result.exit_code == 0
    assert (
        result.stdout.count("PASS") >= 5
        and "FAIL" not in result.stdout
        and "\n  differences from other code:\n" in result.stdout
    )
    unknown = bench("certify", "dpss")
    assert unknown.exit_code == 2
    assert "did you mean 'dps'?" in unknown.stderr


def test_certification_is_of_the_very_code(tmp_path, monkeypatch):
    """A certificate is about the solver's own file, and about no other one."""
    given = read_certificates()["ddrm"]
    monkeypatch.setattr(certificates, "FILE", tmp_path / "certificates.json")
    ddrm = load_solver("ddrm")
    assert certification(ddrm).startswith("Not certified: `python -m bench certify ddrm` measures its laws")
    assert certification(ddrm, has_laws=False).startswith("Not certified. To be listed among ours")
    certificates.write_certificates({"ddrm": given})
    assert certification(ddrm).startswith(f"Certified: {given.laws} closed-form laws hold for this code")
    certificates.write_certificates({"ddrm": replace(given, code_sha256="0" * 64)})
    assert certification(ddrm).startswith("Not certified: the code has changed")
    certificates.write_certificates({"ddrm": given})


def test_what_names_an_operator(tmp_path):
    (tmp_path / "two.py").write_text(ONE_OF_EACH)
    assert names_operator("blur_gauss") and not names_operator("dps") and not names_operator("nothing.py")
    assert names_operator(f"{tmp_path}/two.py:Flipped") and not names_operator(f"{tmp_path}/two.py:Mine")


def test_an_operator_is_tried_on_a_shape_and_with_parameters():
    """Also one that has no default for a parameter, or takes no shape that the check would guess."""
    assert "random_matrix' needs m" in bench("check", "random_matrix").output
    assert bench("check", "random_matrix", "--shape", "12", "-p", "m=5").exit_code == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("dps", "--shape", "1,8,8"), "--shape and -p are for operators; 'dps' is a solver"),
        (("hdr", "--shape", "1,0,8"), "--shape 1,0,8: expected C,H,W"),
        (("hdr", "--shape", "1,8"), "--shape 1,8: expected C,H,W"),
        (("hdr", "-p", "gain"), "-p gain: expected NAME=VALUE"),
        (("hdr", "-p", "a=1", "-p", "a=2"), "-p a=2: given twice"),
        (("hdr", "-p", "a=["), "-p a=[: '[' is not a value"),
    ],
)
def test_what_check_cannot_read_is_said_in_a_line(options, says):
    done = bench("check", *options)
    assert done.exit_code == 2 and says in done.stderr and done.stderr.count("error: ") == 1


def test_what_breaks_several_promises_is_said_once(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(RAISES)
    line = 1 + RAISES.splitlines().index("        loss = torch.autograd.grad(prior.denoise(x, t).sum(), x)")
    checked = bench("check", file).stdout
    said = f"does not have a grad_fn (mine.py:{line}); use prior.vjp(x, t), or vjp_once(prior, x, t) of"
    assert checked.count(said) == 1 and checked.count("      -> the same\n") > 5


RAISES = '''
"""Differentiates through denoise."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from bench.solver import Solver, Step


@dataclass(frozen=True)
class Raises(Solver):
    """Differentiates through denoise."""

    paper: ClassVar[str] = "unpublished"
    steps: int = 3

    def solve(self, measurement, prior, noise):
        t = prior.schedule.levels(self.steps)[0]
        x = noise.new(prior.shape).requires_grad_()
        loss = torch.autograd.grad(prior.denoise(x, t).sum(), x)
        yield Step(x, loss[0])
'''


def test_check_refuses_a_preset_that_a_run_would_refuse(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(ONE_OF_EACH)
    (tmp_path / "mine.yaml").write_text('class: Mine\npresets: {bench: {fashion32: {"*": {stepz: 5}}}}\n')
    done = bench("check", f"{mine}:Mine")
    said = "mine.yaml:2: presets.bench.fashion32.*.stepz: unknown parameter (did you mean 'steps'?); known: "
    assert done.exit_code == 2 and said in done.stderr and "PASS" not in done.stdout, done.output
