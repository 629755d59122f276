"""Certificates: which code of which solver was seen to satisfy its closed-form laws. No torch in here.

`python -m bench certify --write` measures the laws and writes certify/certificates.json; reports compare the
code that made a record with it. A certificate is about the syntax trees of the solver's file and of the
helpers that it uses, such as the step of DDIM (`bench.certify.code`). Comments, docstrings and layout may
change; any other change ends it. The classes that solvers share, as schedules and operators, are not in its
hash: the tests measure all laws at every commit, and a record names its commit.

Earlier code stays certified where the new code gives the same bits on every law:
`tools/carry_certificates.py` compares the two and keeps the hash of the earlier code.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

UNCERTIFIED = "what a clip of x0 and a network's errors do to a law"
"""What no certificate is about: laws are about priors in closed form, without a clip unless they say so."""
FILE = Path(__file__).parent / "certificates.json"


@dataclass(frozen=True)
class Certificate:
    """What was measured of one solver.

    Attributes:
        code_sha256: of the solver's code, see `bench.certify.code`.
        rev: the revision that the file declares.
        laws: number of laws, all of which hold.
        worst: the largest error relative to its law's tolerance; at most 1.
        earlier: hashes of certified code that gave the same bits; the oldest are of files, byte by byte.
    """

    code_sha256: str
    rev: int
    laws: int
    worst: float
    earlier: tuple[str, ...] = ()

    def covers(self, code_sha256: str) -> bool:
        """Whether the certificate is about code of this hash, the present one or an earlier one."""
        return code_sha256 == self.code_sha256 or code_sha256 in self.earlier


def read_certificates() -> dict[str, Certificate]:
    """Solver's name -> certificate, as committed."""
    stored = json.loads(FILE.read_text()) if FILE.exists() else {}
    found = {}
    for name, fields in stored.items():
        earlier = tuple(fields.pop("earlier"))
        found[name] = Certificate(**fields, earlier=earlier)
    return found


def write_certificates(certificates: dict[str, Certificate | None]) -> None:
    """Replaces the certificates of these solvers, or removes them where None; the others stay.

    A certificate that is replaced hands on the hashes of earlier code, but not its own: that is for
    `tools/carry_certificates.py` to decide.
    """
    before = read_certificates()
    stored = {}
    for name, one in sorted((before | certificates).items()):
        if one is None:
            continue
        known = before[name].earlier if name in before else ()
        hashes = dict.fromkeys((*known, *one.earlier))
        stored[name] = asdict(replace(one, earlier=tuple(hashes)))
    FILE.write_text(json.dumps(stored, indent=1) + "\n")


class SolverCode(Protocol):
    """What a `bench.records.record.Record` says of the code behind it."""

    @property
    def solver(self) -> str: ...
    @property
    def solver_rev(self) -> int: ...
    @property
    def source_sha256(self) -> str | None: ...
    @property
    def code_sha256(self) -> str | None: ...


def certification_status(record: SolverCode) -> tuple[bool, str]:
    """Whether the code behind a record is certified, and why or why not.

    Records from before code was recorded carry the solver's revision only, and are judged by that.
    """
    if record.source_sha256:
        return False, "not of this repository; certify measures the laws that lie beside it"
    certificate = read_certificates().get(record.solver)
    if certificate is None:
        return False, "no laws"
    if record.code_sha256 is None:
        same, code = record.solver_rev == certificate.rev, f"revision {record.solver_rev}"
    else:
        same, code = certificate.covers(record.code_sha256), f"code {record.code_sha256[:12]}"
    if same:
        return True, f"{certificate.laws} laws, {code}"
    return False, f"{code} is not the certified code {certificate.code_sha256[:12]}"
