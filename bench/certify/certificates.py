"""Certificates: which code of which solver was seen to satisfy its closed-form laws. No torch in here.

`python -m bench certify --write` measures the laws and writes certify/certificates.json; reports compare the code that made a
record with it. A certificate is about the file of the solver: a change of one letter in it ends the certificate. What solvers
share, as schedules, operators and the step of DDIM, is not in its hash: the tests measure all laws at every commit, and a
record names its commit.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

UNCERTIFIED = "what a clip of x0 and a network's errors do to a law"
"""What no certificate is about: the laws are those of priors in closed form, without a clip unless they say so."""
FILE = Path(__file__).parent / "certificates.json"


@dataclass(frozen=True)
class Certificate:
    """What was measured of one solver.

    Attributes:
        code_sha256: of the solver's file.
        rev: the revision that the file declares.
        laws: number of laws, all of which hold.
        worst: the largest error relative to its law's tolerance; at most 1.
    """

    code_sha256: str
    rev: int
    laws: int
    worst: float


def read_certificates() -> dict[str, Certificate]:
    """Solver's name -> certificate, as committed."""
    return {name: Certificate(**fields) for name, fields in json.loads(FILE.read_text()).items()} if FILE.exists() else {}


def write_certificates(certificates: dict[str, Certificate | None]) -> None:
    """Replaces those of these solvers, or takes them away where None; the others stay."""
    both = {name: one for name, one in (read_certificates() | certificates).items() if one}
    FILE.write_text(json.dumps({name: asdict(both[name]) for name in sorted(both)}, indent=1) + "\n")


def standing(record: Any) -> tuple[bool, str]:
    """Whether the code behind a `bench.records.record.Record` is certified, and why or why not.

    Records from before code was recorded carry the solver's revision only, and are judged by that.
    """
    certificate = read_certificates().get(record.solver)
    if record.source_sha256 or certificate is None:
        return False, "no laws"
    if record.code_sha256 is None:
        same, code = record.solver_rev == certificate.rev, f"revision {record.solver_rev}"
    else:
        same, code = record.code_sha256 == certificate.code_sha256, f"code {record.code_sha256[:12]}"
    if same:
        return True, f"{certificate.laws} laws, {code}"
    return False, f"{code} is not the certified code {certificate.code_sha256[:12]}"
