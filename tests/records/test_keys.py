"""Keys: those of all committed records are made again, a few from settings that are written out by hand."""

import math

import pytest

from bench.plan.build import make_cells
from bench.plan.loading import make_loader
from bench.plan.plan import Plan
from bench.records.journal import read_records
from bench.records.keys import canonical, digest
from bench.records.manifest import read_manifests
from bench.verify.sources import sources
from bench.verify.wanted import Wanted
from tests import ROOT

RESULTS = ROOT / "results" / "reference"
FOLDERS = {
    "linear": 33422,
    "nonlinear": 6236,
    "exact": 2211,
    "exact-full": 25454,
    "by-hand/linear": 2048,
    "by-hand/nonlinear": 320,
}
"""Run folder -> how many records it holds, at least."""


@pytest.mark.long
@pytest.mark.parametrize("name", FOLDERS)
def test_every_committed_key_is_planned(name):
    """From what the manifests of the folder asked for; from today's suite where a manifest is too old to say.

    Rows have the settings that they had, whatever presets say now. A setting that is added must be left out
    of keys at the value that it had before, see `bench.operators.base.neutral`.
    """
    records, damaged = read_records(RESULTS / name)
    assert len(records) >= FOLDERS[name] and not damaged
    assert not [record for record in records if record.commit.endswith("-dirty")], "no one has that code"
    planned = set()
    for source in sources(read_manifests(RESULTS / name), records, Wanted()):
        suite, options = source.make(source.places)
        cells = make_cells(suite, make_loader(suite, options), options.numerics, source.kept)
        plan = Plan(suite, cells, options)
        planned |= {job.key for cell in plan.cells for job in plan.missing(cell, set())}
    lost = [record for record in records if record.key not in planned]
    assert not lost, f"{len(lost)} records, the first of {lost[0].label} in {lost[0].task}"


FASHION = {
    "name": "fashion32",
    "weights": "e1d2a219d3986201c622860bc8550981d4dcddaeef5d8277464ac053558163fe",
    "config": "bafa9e46653bcb6d3ca1d3249c470918f875a4e3a4ece6a4e5ea5dc1493318e0",
}
IMAGE = ["fashion32", "test-00000", "b73ad101041502c5bcd463ed3e9837eb7656eb79116b600ca0967d6a3c11df21"]
MIXTURE = {
    "name": "exact-mixture2",
    "weights": "",
    "config": "e9b6122e566075172c8458706314edfa0b82c586432d096cd825cd595f516db9",
}
PROBLEM = [
    "exact-mixture2",
    "problem-000",
    "9e5e5e2f110d9e0fd3bc30ca560501414e51779d8371e56f17e3488f26e907fd",
]
ALL = {
    "format": 1,
    "seed": 0,
    "sample": 0,
    "numerics": {"dtype": "float32", "noise": "philox4x64-boxmuller-1"},
}
BLOCK = {"size": 1000, "noise": "rows-1", "distances": 2}
DDRM = {
    "name": "ddrm",
    "rev": 1,
    "source": None,
    "params": {"steps": 20, "spacing": "leading", "eta": 1.0, "eta_b": 1.0},
}
DPS = {
    "steps": 1000,
    "spacing": "respaced",
    "zeta": 0.4,
    "step": "norm",
    "clip": True,
    "learned_variance": True,
}
BLUR = {"std": None, "taps": None, "boundary": "reflect", "rcond": 0.01}


def task(name, sigma, params, operator=None):
    return {"name": name, "operator": operator or name, "rev": 1, "sigma": sigma, "params": params}


def drawn(name, sigma):
    return task(name, sigma, {"m": 1, "rcond": 0.001, "s_max": 1.0, "s_min": 0.2}, "random_matrix")


def exact(params):
    return {"name": "exact", "rev": 1, "source": None, "params": params}


GOLDEN = {
    "500dcbb044d05bfe5ff47530dff4f5b4c3e5a67e26eafe9c1f5b86c07b60c0ba": (
        "linear",
        {"solver": DDRM, "task": task("inpaint_box", 0.05, {}), "prior": FASHION, "image": IMAGE},
    ),
    "e3ab4f1db97e36c8f2d8a3ded826139365333135bda74467604a229ba26efe70": (
        "linear",
        {
            "solver": DDRM | {"name": "dps", "params": DPS},
            "task": task("blur_gauss", 0.05, BLUR),
            "prior": FASHION,
            "image": IMAGE,
        },
    ),
    "5a81b6b0ade208e758394bbe085b6da4d18cc93a8d486ed463759aace06a4f30": (
        "nonlinear",
        {"solver": DDRM, "task": task("hdr", 0.05, {}), "prior": FASHION, "image": ["fashion32", "*", None]},
    ),
    "05fa50b785643fe2000258fdf9fe66a111285445b5af561cb15704ac42c697e3": (
        "exact",
        {
            "solver": exact({}),
            "task": drawn("d2-m1-s0.2", 0.2),
            "prior": MIXTURE,
            "image": PROBLEM,
            "block": BLOCK,
        },
    ),
    "4d94c336ec22367356ca29e2362aee41ebc5da1cc6ca0790e541587f51ef17a3": (
        "exact-full",
        {
            "solver": exact({}),
            "task": drawn("d2-m1-s0.05", 0.05),
            "prior": MIXTURE,
            "image": PROBLEM,
            "block": BLOCK,
        },
    ),
}
"""Key of a committed record -> its folder, and what the key is made of beside `ALL`."""


@pytest.mark.parametrize("key", GOLDEN)
def test_a_key_is_the_hash_of_these_settings(key):
    folder, settings = GOLDEN[key]
    assert digest(ALL | settings) == key
    assert key in {record.key for record in read_records(RESULTS / folder)[0]}


def test_the_text_of_a_key_is_canonical():
    """Any other order, spacing, float format or encoding would move every key."""
    text = canonical({"b": [1, 1.0, 1e-7, None, True], "a": {"é": "é"}})
    assert text == '{"a":{"\\u00e9":"\\u00e9"},"b":[1,1.0,1e-07,null,true]}'
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1.0, "b": 2})
    with pytest.raises(ValueError):
        canonical({"a": math.nan})
