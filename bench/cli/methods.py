"""`list`, `check`, `certify`: what there is, and whether a solver is right."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.command import FAILURE, OUTPUT, USAGE, data_root, fail, group, verb

if TYPE_CHECKING:
    from bench.checks.promise import Promise
    from bench.suites.methods import SolverClass

output = group(OUTPUT)


@verb("list", "list", "list --data-root /data/ffhq", "list | grep blur")
@data_root()
def list_(data_root: Path | None) -> None:
    """Lists what there is, and which solver takes which operator.

    It lists suites, priors, data sets and solvers. Below the table stands the reason for every gap.
    """
    from bench.cli.catalogue import catalogue

    click.echo(catalogue(data_root))


@verb("check", "check dps", "check my_solver.py:Mine", "check my_blur.py")
@click.argument("spec", metavar="SOLVER|OPERATOR")
def check(spec: str) -> None:
    """Checks a solver or an operator against its contract, in seconds.

    It is a name, pkg.mod:Class, file.py:Class or file.py; of file.py alone all solvers and operators that the
    file defines are checked. Each line states what the contract asks for, with PASS, FAIL and what was seen,
    or n/a where it is not about this solver or operator. The exit code is 1 where something fails.
    """
    from bench.names import nearest
    from bench.operators import OPERATORS
    from bench.operators.base import Operator
    from bench.solver import Solver
    from bench.system.user_code import is_user_code, members
    from solvers import ANCHORS, SOLVERS

    known = [*SOLVERS, *ANCHORS, *OPERATORS]
    if not is_user_code(spec) and spec not in known:
        choices = f"{nearest(spec, known)}, or pkg.mod:Class, or file.py:Class"
        fail(f"unknown solver or operator '{spec}'{choices}", USAGE)
    subjects = members(spec, Solver, Operator) if is_user_code(spec) else [spec]
    results: list[Promise] = []
    for subject in subjects:
        if len(subjects) > 1:
            click.echo(f"{subject}:")
        results += check_one(subject)
    if broken := sum(promise.broken is not None for promise in results):
        fail(f"{spec} fails {broken} of {sum(promise.applies for promise in results)} checks", FAILURE)


def check_one(spec: str) -> Sequence["Promise"]:
    """Checks one solver or operator; prints a line for each promise, and a summary."""
    from bench.checks.operator import check_operator
    from bench.checks.solver import check_solver
    from bench.suites.methods import load_solver

    solver = None if names_operator(spec) else load_solver(spec)
    results = check_solver(solver.cls) if solver else check_operator(spec)
    for promise in results:
        click.echo(f"{outcome(promise):6}{promise.says}")
        if promise.broken:
            click.echo(f"      -> {promise.broken}")
    n = sum(promise.applies for promise in results)
    passed = n - sum(promise.broken is not None for promise in results)
    others = f", {len(results) - n} n/a" if n < len(results) else ""
    click.echo(f"{passed} of {n} checks passed{others}")
    if solver:
        click.echo(certification(solver))
    return results


def outcome(promise: "Promise") -> str:
    """One word for what became of a promise."""
    if promise.broken:
        return "FAIL"
    return "PASS" if promise.applies else "n/a"


def names_operator(spec: str) -> bool:
    """Whether it names an operator; what names nothing at all is for the loader of solvers to refuse."""
    from bench.operators import OPERATORS
    from bench.operators.base import Operator
    from bench.system.user_code import UserCodeError, is_user_code, load_class

    if not is_user_code(spec):
        return spec in OPERATORS
    try:
        return bool(load_class(spec, Operator))
    except UserCodeError:
        return False


def certification(solver: "SolverClass") -> str:
    """A sentence on what the contract cannot tell: whether this very code has a certificate."""
    from bench.certify.certificate import code_sha256
    from bench.certify.certificates import read_certificates

    given = None if solver.source_sha256 else read_certificates().get(solver.name)
    command = f"`python -m bench certify {solver.name}`"
    if given is None:
        return (
            "Not certified. To be listed among ours, a solver comes with closed-form laws (solvers/laws) and "
            "at least two deliberately wrong variants that they catch (tests/certify/test_mutants.py)."
        )
    if given.code_sha256 == code_sha256(solver.cls):
        return f"Certified: {given.laws} closed-form laws hold for this code; {command} shows them."
    return f"Not certified: the code has changed since its laws were measured; {command} measures them."


@verb("certify", "certify", "certify dps ddrm", "certify --write")
@click.argument("solvers", metavar="[SOLVER]...", nargs=-1)
@output("--write", is_flag=True, help="Store the certificates that reports refer to.")
def certify(solvers: tuple[str, ...], write: bool) -> None:
    """Measures our solvers against closed-form laws on Gaussian priors.

    For each solver, by default for all, it prints the equations that the solver follows; PASS or FAIL for
    each law, with the measured error and the largest error allowed; and how the presets differ from the
    equations. The exit code is 1 where a law fails.
    """
    from bench.certify.certificate import certificate, describe
    from bench.certify.certificates import write_certificates
    from bench.certify.laws import all_laws, run_laws, subject
    from bench.names import nearest
    from solvers import SOLVERS

    known = all_laws()
    for name in solvers:
        if name not in known:
            fail(f"no laws for '{name}'{nearest(name, known)}", USAGE)
    failed, given = 0, {}
    for name in solvers or known:
        results = run_laws(name)
        click.echo("\n".join(describe(name, subject(name), results)))
        failed += sum(not result.passed for result in results)
        given[name] = certificate(subject(name), results)
    if write:
        write_certificates({name: one for name, one in given.items() if name in SOLVERS})
    if failed:
        fail(f"{failed} laws fail", FAILURE)
