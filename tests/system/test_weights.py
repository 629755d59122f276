"""Weights by name: what a file holds is said, whatever it is called, and every entry has to fit."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from bench.system.weights import WeightsError, read_tensors, refuse_difference

STATE = {"a.weight": torch.arange(4.0), "a.bias": torch.ones(2)}


def saved(path, state, **options):
    torch.save(state, path, **options)
    return path


def test_the_content_counts_not_the_suffix(tmp_path):
    save_file(STATE, tmp_path / "safe.pt")
    files = [
        tmp_path / "safe.pt",
        saved(tmp_path / "zip.safetensors", STATE),
        saved(tmp_path / "old.pth", STATE, _use_new_zipfile_serialization=False),
    ]
    for path in files:
        found = read_tensors(path)
        assert found.keys() == STATE.keys() and all(torch.equal(found[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<html><body>Sign in", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 2500000\n", "Git LFS to 2.5 MB"),
        (b"\x1f\x8b\x08 packed", "a gzip archive"),
        (b"no weights at all", "not a checkpoint of weights"),
        (pickle.dumps([1]), "not a checkpoint of weights"),
        (b"PK\x03\x04 broken off", "not a checkpoint of weights"),
        ((400).to_bytes(8, "little") + b'{"a": 1', "not a safetensors file that is whole"),
    ],
)
def test_a_file_without_weights_says_what_it_is(tmp_path, content, said):
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=said) as caught:
        read_tensors(tmp_path / "w.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            {"state_dict": STATE, "epoch": 3},
            r"holds 'state_dict' \(2 tensors by name\), 'epoch' \(int\); save that part alone: "
            r"torch.save\(torch.load\('w.pt', weights_only=True\)\['state_dict'\], 'new.pt'\)",
        ),
        ({"model": STATE, "model_ema": STATE}, r"the part that you mean alone: .*\['model_ema'\]"),
        ({"decay": 0.9, "shadow_params": [*STATE.values()]}, "2 tensors without names"),
        (STATE | {"step": 7}, r"holds 'step' \(int\)"),
        ([1, 2], "it holds a list"),
    ],
)
def test_a_wrapped_checkpoint_says_how_to_unwrap_it(tmp_path, state, said):
    with pytest.raises(WeightsError, match=said):
        read_tensors(saved(tmp_path / "w.pt", state))


def test_the_advice_unwraps(tmp_path, monkeypatch):
    """The command of the message is run as it is printed."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError) as caught:
        read_tensors(saved(tmp_path / "w.pt", {"state_dict": STATE}))
    exec(str(caught.value).rpartition("alone: ")[2], {"torch": torch})
    assert read_tensors(tmp_path / "new.pt").keys() == STATE.keys()


def test_every_kind_of_difference_is_counted_and_named():
    more = {"b": torch.ones(1), "c": torch.ones(1)}
    refuse_difference(STATE, dict(reversed(STATE.items())), "w")
    cases = {
        r"w: not this architecture: 'b' is missing \(and 1 more\)$": (STATE | more, STATE),
        r"unknown entry 'b' \(and 1 more\)$": (STATE, STATE | more),
        r"'a.bias' has shape \(2,\), expected \(3,\); 'b' is missing": (
            STATE | {"a.bias": torch.ones(3), "b": torch.ones(1)},
            STATE,
        ),
        "'a.bias' holds torch.int64 in place of floating point": (
            STATE,
            STATE | {"a.bias": torch.ones(2).long()},
        ),
        r"with 'module.' in front: save \{k.removeprefix\('module.'\)": (
            STATE,
            {f"module.{key}": value for key, value in STATE.items()} | {"module.extra": torch.ones(1)},
        ),
    }
    for said, (expected, found) in cases.items():
        with pytest.raises(WeightsError, match=said):
            refuse_difference(expected, found, "w")
