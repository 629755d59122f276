"""Weights of priors: fetched once, verified, found in the cache, and loaded whatever their format."""

import hashlib
import pickle
import re

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from bench.cli import assets as cli_assets
from bench.cli import cli
from bench.cli.doctor import examine
from bench.priors import PriorError, fetch_prior, load_prior, missing_files
from bench.priors.unet import build_unet
from bench.system import downloads
from bench.system.cache import cache_dir
from bench.system.downloads import DownloadError
from tests.file_server import running_server
from tests.tiny import ARCHITECTURE, PRIOR


@pytest.fixture
def server():
    with running_server() as running:
        yield running


@pytest.fixture
def state():
    torch.manual_seed(0)
    return {
        key: 0.05 * torch.randn(value.shape) for key, value in build_unet(**ARCHITECTURE).state_dict().items()
    }


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A function that writes a card of the tiny network and gives its path; the cache is empty."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))

    def write(file="tiny.pt", **entries):
        text = (
            PRIOR.format(sha256="", channels=1).replace("tiny.safetensors", file).replace('sha256 = ""\n', "")
        )
        lines = "".join(f"{key} = {value!r}\n" for key, value in entries.items() if value is not None)
        (tmp_path / "tiny.toml").write_text(lines + text)
        return str(tmp_path / "tiny.toml")

    return write


def test_an_original_checkpoint_round_trips(card, state, tmp_path):
    """A plain torch checkpoint with the original names, in both formats of torch.save, and of safetensors."""
    wanted = build_unet(**ARCHITECTURE)
    wanted.load_state_dict(state)
    x, t = torch.randn(2, 1, 16, 16), torch.tensor([10.0])
    for k, (file, save) in enumerate(
        {
            "new.pt": torch.save,
            "old.pth": lambda s, f: torch.save(s, f, _use_new_zipfile_serialization=False),
            "new.safetensors": save_file,
        }.items()
    ):
        save(state, tmp_path / file)
        prior = load_prior(card(file))
        loaded = prior.network.state_dict()
        assert loaded.keys() == state.keys() and all(torch.equal(loaded[key], state[key]) for key in state), k
        torch.testing.assert_close(prior.network(x, t), wanted(x, t), rtol=1e-4, atol=1e-4)
        assert prior.weights_sha256 == hashlib.sha256((tmp_path / file).read_bytes()).hexdigest()
    save_file({key: value.half() for key, value in state.items()}, tmp_path / "new.safetensors")
    assert {p.dtype for p in load_prior(card("new.safetensors")).network.parameters()} == {torch.float32}


def test_nothing_in_a_checkpoint_is_executed(card, state, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({**state, "extra": Trap()}, tmp_path / "tiny.pt")
    with pytest.raises(PriorError, match="not a checkpoint of weights") as caught:
        load_prior(card())
    assert "weights_only" not in str(caught.value), "torch's advice to switch the safety off is not passed on"
    (tmp_path / "tiny.pt").write_bytes(pickle.dumps([1]))
    with pytest.raises(PriorError, match="not a"):
        load_prior(card())
    assert not (tmp_path / "sprung").exists()
    torch.save({"model": state}, tmp_path / "tiny.pt")
    with pytest.raises(PriorError, match="not a plain dictionary of tensors"):
        load_prior(card())


def test_download_is_stored_once_and_found(card, state, tmp_path, server):
    torch.save(state, tmp_path / "made")
    server.content = (tmp_path / "made").read_bytes()
    sha256 = hashlib.sha256(server.content).hexdigest()
    name = card(urls=[f"{server.url}/gone", f"{server.url}/broken"], sha256=sha256, size=len(server.content))
    with pytest.raises(
        PriorError,
        match=rf"tiny.pt: the weights of prior 'tiny' are missing; .*fetch priors {re.escape(name)}",
    ):
        load_prior(name)
    assert missing_files(name) == ["tiny.pt"]
    [path] = fetch_prior(name)
    assert path == cache_dir() / "priors" / "tiny.pt" and missing_files(name) == []
    assert path.with_name("tiny.pt.sha256").read_text() == f"{sha256}  tiny.pt\n"
    asked = len(server.requests)
    assert fetch_prior(name) == [path] and len(server.requests) == asked, "no connection for what is there"
    assert load_prior(name).weights_sha256 == sha256

    path.write_bytes(server.content[:-1] + b"?")
    with pytest.raises(PriorError, match="sha256"):
        load_prior(name)
    assert fetch_prior(name) == [path] and path.read_bytes() == server.content, "damaged, fetched again"


def test_the_command_line_says_how_far_it_is_and_resumes(card, state, tmp_path, server, monkeypatch):
    torch.save(state, tmp_path / "made")
    server.content = (tmp_path / "made").read_bytes()
    size = len(server.content)
    name = card(urls=[f"{server.url}/broken"], sha256=hashlib.sha256(server.content).hexdigest())
    monkeypatch.setattr(downloads, "ATTEMPTS", 1)
    monkeypatch.setattr(cli_assets, "QUIET", -1.0)
    first = CliRunner().invoke(cli, ["fetch", "priors", name])
    assert (
        first.exit_code == 1
        and f"broke off after {size // 2} of {size} bytes" in first.stderr
        and ", 50%\n" in first.stderr
    )
    done = CliRunner().invoke(cli, ["fetch", "priors", name])
    assert done.exit_code == 0 and done.stdout == f"{name}: {cache_dir() / 'priors' / 'tiny.pt'}\n"
    assert (
        f"tiny.pt: {size / 1e6:.0f} of {size / 1e6:.0f} MB, 100%\n" in done.stderr
        and ", 0%" not in done.stderr
    )
    assert server.requests[1:] == [("/broken", f"bytes={size // 2}-", size - size // 2)]


def test_an_unpinned_file_is_held_to_what_was_fetched(card, state, tmp_path, server):
    torch.save(state, tmp_path / "made")
    server.content = (tmp_path / "made").read_bytes()
    name = card(urls=[f"{server.url}/ok"])
    [path] = fetch_prior(name)
    assert load_prior(name).weights_sha256 == hashlib.sha256(server.content).hexdigest()
    torch.save({key: value + 1 for key, value in state.items()}, path)
    with pytest.raises(PriorError, match="as when it was fetched"):
        load_prior(name)


def test_a_local_copy_serves_offline(card, state, tmp_path):
    local = tmp_path / "from-a-friend.bin"
    torch.save(state, local)
    sha256 = hashlib.sha256(local.read_bytes()).hexdigest()
    name = card(urls=["http://127.0.0.1:9/nobody"], sha256=sha256, by_hand="ask a friend")
    with pytest.raises(
        DownloadError, match=f"refused.*ask a friend, then run `.*fetch priors {re.escape(name)} --from FILE`"
    ):
        fetch_prior(name)
    [path] = fetch_prior(name, local)
    assert path.read_bytes() == local.read_bytes()
    path.unlink()
    local.write_bytes(b"something else")
    with pytest.raises(PriorError, match=r"from-a-friend.bin: sha256 .* is not the card's"):
        fetch_prior(name, local)
    assert [file.name for file in path.parent.iterdir()] == ["tiny.pt.sha256"]
    with pytest.raises(DownloadError, match="cannot be downloaded by a program: ask a friend"):
        fetch_prior(card(by_hand="ask a friend"))


def test_a_file_of_another_architecture_is_refused_by_the_first_name_that_differs(
    card, state, tmp_path, server
):
    """The hash may be given or not, the source a file or a server, the name that of the card's file or its
    cache."""
    wider = build_unet(**ARCHITECTURE | {"num_channels": 64})
    other = tmp_path / "other"
    torch.save(wider.state_dict(), other)
    server.content = other.read_bytes()
    first = r"not this architecture: 'time_embed\.0\.weight' has shape \(256, 64\), expected \(128, 32\)"
    for pins in ({}, {"sha256": "0" * 64}, {"size": 7}):
        name = card(urls=[f"{server.url}/ok"], **pins)
        with pytest.raises(PriorError, match=f"other: .*{first}"):
            fetch_prior(name, other)
        torch.save(wider.state_dict(), tmp_path / "tiny.pt")
        with pytest.raises(PriorError, match=f"tiny.pt: .*{first}"):
            load_prior(name)
        (tmp_path / "tiny.pt").unlink()
    with pytest.raises(DownloadError, match=rf"{first} \(and 124 more\): removed; .*--from FILE"):
        fetch_prior(card(urls=[f"{server.url}/ok"]))
    assert not list((cache_dir() / "priors").iterdir())


def test_a_local_copy_replaces_what_no_hash_proves(card, state, tmp_path):
    name, local = card(), tmp_path / "local.pt"
    for shift in (0, 1):
        torch.save({key: value + shift for key, value in state.items()}, local)
        [path] = fetch_prior(name, local)
        assert path.read_bytes() == local.read_bytes()
    local.write_bytes(b"no checkpoint")
    kept = path.read_bytes()
    with pytest.raises(PriorError, match=r"local\.pt: not a checkpoint"):
        fetch_prior(name, local)
    assert path.read_bytes() == kept


def test_doctor_sees_another_architecture_where_no_hash_is_known(state, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    (tmp_path / "priors").mkdir()
    for file in missing_files("imagenet256_cond"):
        torch.save(state, tmp_path / "priors" / file)
    [finding] = examine(["imagenet256_cond"])
    assert (
        finding.state == "wrong"
        and "'time_embed.0.weight' has shape (128, 32), expected (1024, 256)" in finding.text
    )


def test_the_conditional_prior_names_both_of_its_files(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    assert missing_files("imagenet256_cond") == ["256x256_diffusion.pt", "256x256_classifier.pt"]
    (tmp_path / "x.pt").write_bytes(b"")
    with pytest.raises(PriorError, match=r"call it 256x256_diffusion\.pt or 256x256_classifier\.pt"):
        fetch_prior("imagenet256_cond", tmp_path / "x.pt")


@pytest.mark.parametrize(
    ("entries", "said"),
    [({"size_about": 2_215_400_000}, "about 2,215.4 MB"), ({"size": 374_417_833}, "374.4 MB"), ({}, "")],
)
def test_a_download_says_how_much_it_is(card, entries, said):
    """The exact size where it is known, else the card's estimate, against which nothing is checked."""
    lines = []
    with pytest.raises(DownloadError):
        fetch_prior(card(urls=["http://127.0.0.1:9/tiny.pt"], **entries), say=lines.append)
    assert lines[0] == f"tiny.pt: downloading {said}".rstrip()


def test_a_size_that_is_about_right_refuses_nothing(card, state, tmp_path):
    torch.save(state, tmp_path / "tiny.pt")
    assert load_prior(card(size_about=1)).network is not None
