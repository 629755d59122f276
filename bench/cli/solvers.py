"""`list`, `check`, `certify`: what there is, and whether a solver is right."""

import click

from bench.cli.errors import FAILURE, USAGE, fail, plain_errors


@click.command("list")
@plain_errors
def list_() -> None:
    """Lists suites, priors and data sets, and solvers x operators with the reason for every gap."""
    from bench.catalogue import catalogue

    click.echo(catalogue())


@click.command()
@click.argument("spec", metavar="SOLVER")
@plain_errors
def check(spec: str) -> None:
    """Checks a solver (a name, pkg.mod:Class, file.py:Class or file.py) against the contract of all solvers."""
    from bench.contract import check as promises
    from bench.solver_loading import load_solver

    results = promises(load_solver(spec).cls)
    for promise in results:
        click.echo(f"{'broken' if promise.broken else 'kept':8}{promise.says}")
        if promise.broken:
            click.echo(f"        -> {promise.broken}")
    broken = sum(promise.broken is not None for promise in results)
    if broken:
        fail(f"{spec} breaks {broken} of {len(results)} promises", FAILURE)


@click.command()
@click.argument("solvers", metavar="[SOLVER]...", nargs=-1)
@plain_errors
def certify(solvers: tuple[str, ...]) -> None:
    """Measures our solvers against closed-form laws on Gaussian priors: each law, its error and its tolerance."""
    from bench.certify import LAWS, run_laws
    from bench.suites.yamlfile import nearest

    for name in solvers:
        if name not in LAWS:
            fail(f"no laws for '{name}'{nearest(name, LAWS)}", USAGE)
    broken = 0
    for name in solvers or LAWS:
        click.echo(f"{name}")
        for result in run_laws(name):
            broken += not result.passed
            verdict = "holds " if result.passed else "BROKEN"
            click.echo(f"  {verdict} {result.error:7.0e} <= {result.law.tolerance:.0e}  {result.law.name}")
    if broken:
        fail(f"{broken} laws are broken", FAILURE)
