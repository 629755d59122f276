"""`list`, `check`, `certify`: what there is, and whether a solver is right."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.command import FAILURE, OUTPUT, USAGE, data_root, fail, group, loading, verb

if TYPE_CHECKING:
    from bench.certify.laws import Laws
    from bench.certify.mutants import Survivor
    from bench.checks.promise import Promise
    from bench.exact.laws.law import LawResult
    from bench.suites.cards import MethodCard
    from bench.suites.methods import SolverClass

output, operator_option = group(OUTPUT), group("An operator")


@verb("list", "list", "list --data-root /data/ffhq", "list | grep blur")
@data_root()
def list_(data_root: Path | None) -> None:
    """Lists what there is, and which solver takes which operator.

    It lists suites, priors, data sets and solvers. Below the table stands the reason for every gap.
    """
    loading("list")
    from bench.cli.catalogue import catalogue

    click.echo(catalogue(data_root))


@verb("check", "check dps", "check my_blur.py -p width=3 --shape 1,64,64", "check fashion32")
@click.argument("spec", metavar="SOLVER|OPERATOR|PRIOR")
@operator_option("--shape", metavar="C,H,W", help="Its images, 1,64,64, or its vectors, 16.")
@operator_option("-p", "settings", metavar="NAME=VALUE", multiple=True, help="One of its parameters.")
def check(spec: str, shape: str | None, settings: tuple[str, ...]) -> None:
    """Checks a solver, operator or prior against its contract, in seconds.

    It is a name, pkg.mod:Class, file.py:Class or file.py; of file.py alone all solvers and operators that the
    file defines are checked. A prior is a name, as in `run --prior`. A solver runs with its defaults and at
    most 100 network evaluations, by its `quick`. An operator is tried on the first of some shapes that it
    takes. Each line states what the contract asks for, with PASS, FAIL and what was seen, or n/a where it is
    not about this solver, operator or prior. The exit code is 1 where something fails.
    """
    from bench.system.code.user_code import is_user_code, members

    check_spec(spec)
    loading(f"check {spec}")
    kind = kind_of(spec)
    if (shape is not None or settings) and kind != "operator":
        fail(f"--shape and -p are for operators; '{spec}' is a {kind}", USAGE)
    from bench.operators.base import Operator
    from bench.solver import Solver

    several = is_user_code(spec) and kind != "prior"
    subjects = members(spec, Solver, Operator) if several else [spec]
    results: list[Promise] = []
    for subject in subjects:
        if len(subjects) > 1:
            click.echo(f"{subject}:")
        results += check_one(subject, shape, settings)
    if broken := sum(promise.broken is not None for promise in results):
        fail(f"{spec} fails {broken} of {sum(promise.applies for promise in results)} checks", FAILURE)


def kind_of(spec: str) -> str:
    """Whether a name is of a solver, an operator or a prior; of a file alone, what its first class is."""
    from bench.operators.base import Operator
    from bench.priors import names_prior
    from bench.solver import Solver
    from bench.suites.known import operators
    from bench.system.code.user_code import is_user_code, members

    if names_prior(spec):
        return "prior"
    first = members(spec, Solver, Operator)[0] if is_user_code(spec) else spec
    return "operator" if first in operators() or names_operator(first) else "solver"


def check_spec(spec: str) -> None:
    """Refuses, before torch is loaded, a name that nobody has, and a file that is not there."""
    from bench.names import nearest
    from bench.suites.cards import list_cards
    from bench.suites.known import ANY_CODE, NAME, absent, operators, priors
    from bench.system.code.user_code import is_user_code

    known = [*list_cards(), *operators(), *priors()]
    for reason in absent(spec) if is_user_code(spec) else ():
        fail(reason, USAGE)
    if not is_user_code(spec) and NAME.fullmatch(spec) and spec not in known:
        fail(f"unknown solver, operator or prior '{spec}'{nearest(spec, known)}{ANY_CODE}", USAGE)


def check_one(spec: str, shape: str | None, settings: Sequence[str]) -> Sequence["Promise"]:
    """Checks one solver, operator or prior; prints a line for each promise, and a summary."""
    kind, found = kind_of(spec), None
    if kind == "prior":
        results = prior_promises(spec)
    elif kind == "operator":
        results = operator_promises(spec, shape, settings)
    else:
        from bench.checks.solver import check_solver
        from bench.suites.methods import check_presets

        found = load_found(spec)
        check_presets(spec, found.solver)
        results = check_solver(found.solver.cls)
    said: set[str] = set()
    for promise in results:
        click.echo(f"{outcome(promise):6}{promise.says}")
        if promise.broken:
            click.echo(f"      -> {'the same' if promise.broken in said else promise.broken}")
            said.add(promise.broken)
    n = sum(promise.applies for promise in results)
    passed = n - sum(promise.broken is not None for promise in results)
    others = f", {len(results) - n} n/a" if n < len(results) else ""
    click.echo(f"{passed} of {n} checks passed{others}")
    if found is not None:
        click.echo("\n".join(what_is_known(found)))
    return results


def prior_promises(spec: str) -> list["Promise"]:
    """The promises of a prior, tried."""
    from bench.checks.prior import check_prior
    from bench.priors import load_prior

    return check_prior(load_prior(spec))


def operator_promises(spec: str, shape: str | None, settings: Sequence[str]) -> list["Promise"]:
    """The promises of an operator, tried on a shape and with settings as the command line gives them."""
    from bench.checks.operator import check_operator
    from bench.suites.flags import read_parameters, read_shape

    size = None if shape is None else read_shape(shape)
    return check_operator(spec, size, read_parameters(settings))


@dataclass(frozen=True)
class FoundSolver:
    """A solver that `check` or `certify` names, and what lies beside it."""

    spec: str
    solver: "SolverClass"
    card: "MethodCard"
    laws: "Laws | None"
    laws_file: Path | None

    @property
    def is_ours(self) -> bool:
        return self.solver.source_sha256 is None


def load_found(spec: str) -> FoundSolver:
    """The solver of a name or file, its card and its laws."""
    from bench.certify.laws import laws_file, laws_of
    from bench.suites.cards import card_of
    from bench.suites.methods import load_solver

    return FoundSolver(spec, load_solver(spec), card_of(spec), laws_of(spec), laws_file(spec))


def outcome(promise: "Promise") -> str:
    """One word for what became of a promise."""
    if promise.broken:
        return "FAIL"
    return "PASS" if promise.applies else "n/a"


def names_operator(spec: str) -> bool:
    """Whether it names an operator; what names nothing at all is for the loader of solvers to refuse."""
    from bench.operators import OPERATORS
    from bench.operators.base import Operator
    from bench.system.code.user_code import UserCodeError, is_user_code, load_class

    if not is_user_code(spec):
        return spec in OPERATORS
    try:
        return bool(load_class(spec, Operator))
    except UserCodeError:
        return False


def what_is_known(found: FoundSolver) -> list[str]:
    """Sentences on what the contract cannot tell: the card, the laws, and whether this code has a
    certificate.
    """
    if found.is_ours:
        return [certification(found.solver, found.laws is not None)]
    return [about_card(found), about_laws(found)]


def about_card(found: FoundSolver) -> str:
    """The card of a user's solver, or where it would lie."""
    if found.card.path:
        return f"Card: {found.card.path}."
    place = beside(found, ".yaml")
    return f"No card: {place} would give settings by task, a citation and a search space."


def about_laws(found: FoundSolver) -> str:
    """The laws of a user's solver, or where they would lie."""
    if found.laws is None:
        return f"No laws: {beside(found, '_laws.py')} would hold closed-form laws for `certify`."
    return (
        f"Laws: {found.laws_file} has {len(found.laws.laws)}, by its author; "
        f"`python -m bench certify {shlex.quote(found.spec)}` measures them."
    )


def beside(found: FoundSolver, ending: str) -> str:
    """The name of a file beside a user's solver."""
    if found.laws_file is None:
        return f"a .py file with a file NAME{ending} beside it"
    return f"{found.laws_file.stem.removesuffix('_laws')}{ending} beside it"


def certification(solver: "SolverClass", has_laws: bool = True) -> str:
    """A sentence on whether the very code of a solver of ours has a certificate."""
    from bench.certify.certificate import code_sha256
    from bench.certify.certificates import read_certificates

    given = read_certificates().get(solver.name)
    command = f"`python -m bench certify {solver.name}`"
    if given is None and has_laws:
        return f"Not certified: {command} measures its laws, and with --write it stores the certificate."
    if given is None:
        return (
            "Not certified. To be listed among ours, a method comes with closed-form laws and at least two "
            f"deliberately wrong variants that they catch, in solvers/laws/{solver.name}.py."
        )
    if given.code_sha256 == code_sha256(solver.cls):
        return f"Certified: {given.laws} closed-form laws hold for this code; {command} shows them."
    return f"Not certified: the code has changed since its laws were measured; {command} measures them."


@verb("certify", "certify dps ddrm", "certify my_solver.py", "certify --write")
@click.argument("solvers", metavar="[SOLVER]...", nargs=-1)
@output("--write", is_flag=True, help="Store the certificates of our methods, which reports refer to.")
def certify(solvers: tuple[str, ...], write: bool) -> None:
    """Measures solvers against closed-form laws on Gaussian priors.

    For each solver, by default for all of ours, it prints the equations that the solver follows; PASS or FAIL
    for each law, with the measured error and the largest error allowed; and how the presets differ from the
    equations. The laws of my_solver.py lie in my_solver_laws.py beside it; the wrong variants that these name
    are made and measured, too. The exit code is 1 where a law fails or does not see such a variant.
    """
    refuse_unknown(solvers)
    loading(f"certify {' '.join(solvers) or 'all methods'}")
    from bench.certify.certificate import certificate, describe
    from bench.certify.certificates import write_certificates
    from bench.certify.laws import all_laws, run_laws

    found = [with_laws(spec) for spec in solvers or all_laws()]
    failed, unseen, given = 0, 0, {}
    for one in found:
        results = run_laws(one.spec)
        missed = missed_mutants(one, results)
        failed += sum(not result.passed for result in results)
        unseen += len(missed)
        lines = describe(one.spec, one.solver, results, len(missed)) + about_mutants(one, results, missed)
        click.echo("\n".join(lines))
        if one.is_ours and one.card.kind == "method":
            given[one.spec] = certificate(one.solver.cls, results)
    if write:
        write_certificates(given)
    if failed or unseen:
        fail(verdict(failed, unseen), FAILURE)


def verdict(failed: int, unseen: int) -> str:
    """How many laws fail and how many wrong variants are not seen, each where it is any."""
    laws = "1 law fails" if failed == 1 else f"{failed} laws fail"
    variants = "1 wrong variant is not seen" if unseen == 1 else f"{unseen} wrong variants are not seen"
    return ", ".join(([laws] if failed else []) + ([variants] if unseen else []))


def refuse_unknown(solvers: Sequence[str]) -> None:
    """Refuses names of which there are no laws, before torch is loaded."""
    from bench.names import nearest
    from bench.suites.cards import FOLDER, list_cards
    from bench.suites.known import absent
    from bench.system.code.user_code import is_user_code

    known = [name for name in list_cards() if (FOLDER / "laws" / f"{name}.py").is_file()]
    for spec in solvers:
        if not is_user_code(spec) and spec not in known:
            fail(f"no laws for '{spec}'{nearest(spec, known)}", USAGE)
        for reason in absent(spec) if is_user_code(spec) else ():
            fail(reason, USAGE)


def with_laws(spec: str) -> FoundSolver:
    """A solver that has laws; any other is refused with the place where they would lie."""
    found = load_found(spec)
    if found.laws is None:
        fail(f"no laws for {spec}; write them into {beside(found, '_laws.py')}", USAGE)
    return found


def missed_mutants(found: FoundSolver, results: Sequence["LawResult"]) -> list["Survivor"]:
    """Shows a user's wrong variants to the laws that name them and could be measured; those that pass."""
    from bench.certify.mutants import survivors

    if found.is_ours:
        return []
    assert found.laws is not None
    sound = [result.law for result in results if not result.raised]
    return survivors(found.solver.cls, sound, found.laws.mutants)


def about_mutants(
    found: FoundSolver, results: Sequence["LawResult"], missed: Sequence["Survivor"]
) -> list[str]:
    """Lines about a user's wrong variants: those that pass, how many do not, and those that no law names."""
    from bench.certify.mutants import unnamed

    if found.is_ours:
        return []
    assert found.laws is not None
    lines = [f"    FAIL  {survivor}" for survivor in missed]
    pairs = sum(len(law.catches) for law in found.laws.laws)
    shown = sum(len(result.law.catches) for result in results if not result.raised)
    if pairs:
        lines.append(f"  wrong variants: the laws see {shown - len(missed)} of {pairs}")
    elif not found.laws.mutants:
        lines.append("  no wrong variants: MUTANTS beside LAWS would show what the laws can see")
    for name in unnamed(*found.laws):
        lines.append(f"  not tried: no law names the wrong variant '{name}'; add it to the `catches` of one")
    return lines
