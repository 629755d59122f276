"""`list`, `check`, `certify`: what there is, and whether a solver is right."""

from pathlib import Path
from typing import Any

import click

from bench.cli.assets import DATA_ROOT
from bench.cli.errors import FAILURE, USAGE, fail, plain_errors


@click.command("list")
@DATA_ROOT
@plain_errors
def list_(data_root: Path | None) -> None:
    """Lists suites, priors and data sets, and solvers x operators with the reason for every gap."""
    from bench.cli.catalogue import catalogue

    click.echo(catalogue(data_root))


@click.command()
@click.argument("spec", metavar="SOLVER|OPERATOR")
@plain_errors
def check(spec: str) -> None:
    """Checks a solver or an operator (a name, pkg.mod:Class, file.py:Class or file.py) against the contract
    of its kind.

    Of file.py alone it checks all solvers and operators that the file defines.
    """
    from bench.names import nearest
    from bench.operators import OPERATORS
    from bench.operators.base import Operator
    from bench.solver import Solver
    from bench.system.user_code import is_user_code, members
    from solvers import ANCHORS, SOLVERS

    known = [*SOLVERS, *ANCHORS, *OPERATORS]
    if not is_user_code(spec) and spec not in known:
        fail(
            f"unknown solver or operator '{spec}'{nearest(spec, known)}, or pkg.mod:Class, or file.py:Class",
            USAGE,
        )
    subjects = members(spec, Solver, Operator) if is_user_code(spec) else [spec]
    results = []
    for subject in subjects:
        click.echo(f"{subject}:\n" * (len(subjects) > 1), nl=False)
        results += check_one(subject)
    broken = sum(promise.broken is not None for promise in results)
    if broken:
        fail(f"{spec} breaks {broken} of {sum(promise.applies for promise in results)} promises", FAILURE)


def check_one(spec: str) -> list[Any]:
    """Prints what became of each `bench.checks.promise.Promise` of one solver or operator."""
    from bench.checks import operator as operator_contract
    from bench.checks import solver as contract
    from bench.suites.methods import load_solver

    solver = None if names_operator(spec) else load_solver(spec)
    results = contract.check(solver.cls) if solver else operator_contract.check(spec)
    for promise in results:
        click.echo(f"{'broken' if promise.broken else 'kept' if promise.applies else 'n/a':8}{promise.says}")
        if promise.broken:
            click.echo(f"        -> {promise.broken}")
    if solver:
        click.echo(f"        {certification(solver)}")
    return results


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


def certification(solver: Any) -> str:
    """What the contract cannot check by itself: whether this very code of a `SolverClass` has a
    certificate.
    """
    from bench.certify.certificate import code_sha256
    from bench.certify.certificates import read_certificates

    given = None if solver.source_sha256 else read_certificates().get(solver.name)
    if given:
        same = given.code_sha256 == code_sha256(solver.cls)
        command = f"`python -m bench certify {solver.name}`"
        return (
            f"certified: see {command}"
            if same
            else f"uncertified: the code has changed since; measure it by {command}"
        )
    return (
        "uncertified: to be listed among ours, a solver comes with closed-form laws (bench/certify) and at least two "
        "deliberately wrong variants that they catch (tests/test_mutants.py)"
    )


@click.command()
@click.argument("solvers", metavar="[SOLVER]...", nargs=-1)
@click.option("--write", is_flag=True, help="Store the certificates that reports refer to.")
@plain_errors
def certify(solvers: tuple[str, ...], write: bool) -> None:
    """Measures our solvers against closed-form laws on Gaussian priors.

    Prints each law with its error and tolerance, the equations that a solver follows, and how its presets
    deviate from them.
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
    broken, given = 0, {}
    for name in solvers or known:
        results = run_laws(name)
        click.echo("\n".join(describe(name, subject(name), results)))
        broken += sum(not result.passed for result in results)
        given[name] = certificate(subject(name), results)
    if write:
        write_certificates({name: one for name, one in given.items() if name in SOLVERS})
    if broken:
        fail(f"{broken} laws are broken", FAILURE)
