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
from typing import Any

UNCERTIFIED = "what a clip of x0 and a network's errors do to a law"
"""What no certificate is about: the laws are those of priors in closed form, without a clip unless they say
so."""
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
        """Whether it is about code of this hash, the present one or an earlier one."""
        return code_sha256 == self.code_sha256 or code_sha256 in self.earlier


def read_certificates() -> dict[str, Certificate]:
    """Solver's name -> certificate, as committed."""
    stored = json.loads(FILE.read_text()) if FILE.exists() else {}
    return {
        name: Certificate(**fields | {"earlier": tuple(fields["earlier"])}) for name, fields in stored.items()
    }


def write_certificates(certificates: dict[str, Certificate | None]) -> None:
    """Replaces those of these solvers, or takes them away where None; the others stay.

    A certificate that is replaced hands on the hashes of earlier code, but not its own: that is for
    `tools/carry_certificates.py` to decide.
    """
    before = read_certificates()
    both = {name: one for name, one in (before | certificates).items() if one}
    for name in both.keys() & before.keys():
        hashes = dict.fromkeys((*before[name].earlier, *both[name].earlier))
        both[name] = replace(both[name], earlier=tuple(hashes))
    FILE.write_text(json.dumps({name: asdict(both[name]) for name in sorted(both)}, indent=1) + "\n")


def certification_status(record: Any) -> tuple[bool, str]:
    """Whether the code behind a `bench.records.record.Record` is certified, and why or why not.

    Records from before code was recorded carry the solver's revision only, and are judged by that.
    """
    certificate = read_certificates().get(record.solver)
    if record.source_sha256 or certificate is None:
        return False, "no laws"
    if record.code_sha256 is None:
        same, code = record.solver_rev == certificate.rev, f"revision {record.solver_rev}"
    else:
        same, code = certificate.covers(record.code_sha256), f"code {record.code_sha256[:12]}"
    if same:
        return True, f"{certificate.laws} laws, {code}"
    return False, f"{code} is not the certified code {certificate.code_sha256[:12]}"
