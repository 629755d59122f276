"""A certificate is about the code of one solver; it is lost with a change, and carried over where no bit
changes."""

from types import SimpleNamespace

import pytest

from bench.certify import certificates
from bench.certify.certificate import code_sha256
from bench.certify.certificates import Certificate, certification_status, read_certificates
from bench.certify.laws import all_laws
from bench.cli.methods import certification
from bench.records.journal import read_records
from bench.report.markdown.sources import sources
from bench.suites.methods import load_solver
from tests import ROOT
from tests.ours import METHODS

RESULTS = ROOT / "results" / "reference"


def test_the_committed_certificates_are_about_this_code():
    """Else: `python -m bench certify --write`."""
    given = read_certificates()
    assert {n: c.code_sha256 for n, c in given.items() if n in METHODS} == {
        n: code_sha256(c) for n, c in METHODS.items()
    }
    assert {n: (given[n].rev, given[n].laws) for n in METHODS} == {
        n: (c.rev, len(all_laws()[n])) for n, c in METHODS.items()
    }


def test_a_certificate_is_lost_when_a_law_breaks(tmp_path, monkeypatch):
    monkeypatch.setattr(certificates, "FILE", tmp_path / "certificates.json")
    one = Certificate("0" * 64, 1, 5, 0.1)
    certificates.write_certificates({"ddrm": one, "dps": one})
    certificates.write_certificates({"dps": None, "mcg": one})
    assert read_certificates() == {"ddrm": one, "mcg": one}
    assert certification(load_solver("dps")).startswith("Not certified: `python -m bench certify dps`")
    assert certification(load_solver("mcg")).startswith("Not certified: the code has changed since")


def test_a_new_certificate_hands_on_the_hashes_of_earlier_code(tmp_path, monkeypatch):
    """But not its own: new code may give other bits."""
    monkeypatch.setattr(certificates, "FILE", tmp_path / "certificates.json")
    old = Certificate("1" * 64, 1, 5, 0.1, ("a" * 64, "b" * 64))
    certificates.write_certificates({"ddrm": old})
    certificates.write_certificates({"ddrm": Certificate("2" * 64, 1, 6, 0.2)})
    assert read_certificates() == {"ddrm": Certificate("2" * 64, 1, 6, 0.2, old.earlier)}
    certificates.write_certificates({"ddrm": Certificate("2" * 64, 1, 6, 0.2, ("b" * 64, "1" * 64))})
    assert read_certificates()["ddrm"].earlier == ("a" * 64, "b" * 64, "1" * 64)


def record(**fields):
    given = {"solver": "ddrm", "source_sha256": None, "code_sha256": None, "solver_rev": 1}
    return SimpleNamespace(**given | fields)


def test_the_status_of_a_record_is_that_of_the_code_behind_it():
    code = read_certificates()["ddrm"].code_sha256
    assert certification_status(record(code_sha256=code))[0] and certification_status(record())[0]
    earlier = read_certificates()["ddrm"].earlier
    assert earlier
    for sha in earlier:
        assert certification_status(record(code_sha256=sha)) == (True, f"5 laws, code {sha[:12]}")
    for other in (
        record(code_sha256="0" * 64),
        record(solver="dps", code_sha256=earlier[0]),
        record(solver_rev=2),
        record(solver="mine", source_sha256="0" * 64),
        record(source_sha256="0" * 64),
    ):
        certified, why = certification_status(other)
        assert not certified and why
        assert ("laws that lie beside it" in why) == bool(other.source_sha256)


@pytest.mark.long
@pytest.mark.parametrize("folder", ["linear", "nonlinear", "exact", "exact-full"])
def test_committed_rows_keep_their_mark(folder):
    """All methods are certified, whichever code made their records; baselines and anchors have no laws."""
    codes = {(r.solver, r.code_sha256): r for r in read_records(RESULTS / folder)[0]}
    assert len(codes) > 8
    for (solver, sha), head in codes.items():
        code = f"code {sha[:12]}" if sha else "revision 1"
        certified, why = certification_status(head)
        assert certified == (solver in METHODS)
        assert why.endswith(code if certified else "no laws")


def test_a_report_tells_every_code_behind_a_row():
    """A run that was resumed after an edit holds records of two codes in one row."""
    codes = [read_certificates()["ddrm"].code_sha256, "0" * 64]
    made = [SimpleNamespace(**vars(record(code_sha256=sha)), baseline=False, paper="") for sha in codes]
    method = SimpleNamespace(paper="", title="", kind="method")
    table = SimpleNamespace(rows=[SimpleNamespace(head=made[0], records=made, method=method)], skipped=())
    first, second = sources([table])
    assert first.startswith("Certified: `ddrm` (5 laws") and second.startswith(
        "Uncertified: `ddrm` (code 000000000000 is not"
    )
