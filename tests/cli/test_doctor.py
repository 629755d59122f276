"""`doctor`: one finding for each thing, and what to do about it."""

import pytest

from bench.cli.doctor import Finding, examine
from bench.data import list_datasets
from bench.priors import list_priors
from bench.suites.yamlfile import SuiteError
from tests.collections_of_images import card, imagenet, with_list
from tests.commands import bench
from tests.tiny import build


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


def test_a_folder_that_is_not_there_is_called_so(tmp_path):
    """It is no name: a list of the known ones would not say what is wrong."""
    found = bench("doctor", tmp_path / "photos")
    assert found.exit_code == 1 and found.stderr == "error: 1 of 1 cannot be used\n"
    assert found.stdout == f"missing folder {tmp_path}/photos: no such folder\n"


def test_a_finding_is_a_line():
    assert str(Finding("cache", "ok", "there")) == "ok      cache: there"


def test_a_prior_by_its_card_or_its_function(tmp_path):
    build(tmp_path)
    good, bad = examine([f"{tmp_path}/tiny.toml", f"{tmp_path}/none.py:make"])
    assert (good.what, good.state) == (
        f"prior {tmp_path}/tiny.toml",
        "ok",
    ) and "tiny.safetensors" in good.text
    assert bad.state == "wrong" and "no such file" in bad.text
    file = tmp_path / "tiny.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    (cut,) = examine([f"{tmp_path}/tiny.toml"])
    assert cut.state == "wrong" and "not a safetensors file that is whole" in cut.text


def test_large_weights_are_known_by_their_header(tmp_path, monkeypatch):
    """They are not hashed, and yet a file that was cut off is found."""
    build(tmp_path)
    monkeypatch.setattr("bench.cli.doctor.HASHED", 0)
    monkeypatch.setattr("bench.cli.doctor.check_sha256", lambda *_: pytest.fail("hashed"))
    (found,) = examine([f"{tmp_path}/tiny.toml"])
    assert found.state == "ok" and "its sha256 is checked when it is used" in found.text
    file = tmp_path / "tiny.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    (cut,) = examine([f"{tmp_path}/tiny.toml"])
    assert cut.state == "wrong"


def test_what_is_fetched_may_be_a_copy(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    (finding,) = examine(["ffhq256_uncond"])
    assert "fetch priors ffhq256_uncond --from FILE` takes your copy" in finding.text
    place = tmp_path / "priors" / "ffhq_10m.pt"
    place.parent.mkdir()
    place.write_text("<!DOCTYPE html><html>Quota exceeded")
    (page,) = examine(["ffhq256_uncond"])
    assert page.state == "wrong" and "a web page" in page.text


def test_nothing_hides_what_is_behind_it(tmp_path):
    """The list is missing, an image too, and another is no image: all are said."""
    mine = with_list(card(tmp_path / "cards"))
    root = imagenet(tmp_path / "val")
    seven, two = (next(root.rglob(f"*{k}.JPEG")) for k in (7, 2))
    seven.unlink()
    two.write_bytes(b"no picture")
    (finding,) = examine([str(mine)], root)
    assert finding.state == "missing" and "1 of 2 images are missing" in finding.text
    assert f"{two.name}: not a readable image" in finding.text
    mine.with_suffix(".txt").unlink()
    (finding,) = examine([str(mine)], tmp_path / "nowhere")
    assert "its list mine.txt is not in" in finding.text and "no folder" in finding.text
