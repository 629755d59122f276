"""`doctor`: one finding for each thing, and what to do about it."""

import pytest

from bench.cli.doctor import Finding, examine
from bench.data import list_datasets
from bench.priors import list_priors
from bench.suites.yamlfile import SuiteError
from tests.commands import bench


def test_everything_is_looked_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    found = {finding.what: finding for finding in examine()}
    named = {f"data set {name}" for name in list_datasets()} | {f"prior {name}" for name in list_priors()}
    assert (
        named | {"metric network inception", "operator blur_nonlinear", "devices", "versions", "cache"}
        <= found.keys()
    )
    assert found["prior fashion32"].state == found["data set fashion32"].state == "ok"
    assert found["metric network inception"].state == found["operator blur_nonlinear"].state == "missing"
    assert str(tmp_path) in found["cache"].text


def test_a_name_is_looked_at_alone_and_decides_the_exit_code(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    good, bad = bench("doctor", "fashion32"), bench("doctor", "fashion32", "blur_nonlinear")
    assert good.exit_code == 0 and len(good.stdout.splitlines()) == 2, "a data set and a prior"
    assert bad.exit_code == 1 and bad.stderr == "error: 1 of 2 cannot be used\n"
    with pytest.raises(SuiteError, match=r"doctor: unknown 'fashon32' \(did you mean 'fashion32'"):
        list(examine(["fashon32"]))


def test_a_card_by_its_path(tmp_path):
    card = tmp_path / "mine.toml"
    card.write_text('kind = "folder"\nfolder = "absent"\nshape = [1, 16, 16]\n')
    (finding,) = examine([str(card)])
    assert finding.state == "missing" and "absent" in finding.text


def test_a_finding_is_a_line():
    assert str(Finding("cache", "ok", "there")) == "ok      cache: there"
