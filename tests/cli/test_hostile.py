"""Hostile input from the command line: one clear line and an exit code, never a traceback, never a hang."""

import signal
import sys
from itertools import pairwise

import pytest

from tests.commands import bench

HEAD = "name: s\ndataset: fashion32\nprior: fashion32\nimages: 1\nmetrics: [psnr]\n"
TASK = "tasks:\n  - {name: t, operator: denoise, sigma: 0.1}\n"
GOOD = f"{HEAD}{TASK}solvers:\n  - {{solver: pinv}}\n"
NINES = "9" * 5000
SECONDS = 20

OPTIONS = [
    *("--time-limit nan", "--time-limit inf", "--time-limit 1e999", "--time-limit=-1", "--samples 1_0"),
    *("--shard \u00b2/\u00b3", "--shard 0/0", f"--shard 1/{NINES}", "--save-images first:\u00b2"),
    *(f"--samples 1{'0' * 30}", "--samples true", "--images \uff12", f"--seed {NINES}", "--seed 010"),
    *("--workers 100000", "--workers \u00b2", f"--workers {'cpu,' * 1000}cpu", "--batch nan"),
    *("--device cuda:\u00b2", f"--suite {'x' * 5000}", f"--solver dps.zeta={NINES}"),
    *("--solver dps.zeta=2020-13-45", "--solver dps.zeta=yes", "--solver dps.zeta=1e999"),
    *("--solver ddrm.steps=true", "--solver ddrm.steps=010", "--solver ddrm.steps=10.0"),
    *("--solver daps.steps=100000000000", "--solver red_diff.beta1=1", "--solver red_diff.adam_eps=0"),
    *("--solver daps.sigma_max=0.01", f"--solver dps.zeta={','.join(map(str, range(2000)))}"),
]
TEN = "{1}: &{1} [*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0}]\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(TEN.format(*pair) for pair in pairwise("abcdef"))
SUITES = {
    "sigma: yes": GOOD.replace("0.1", "yes"),
    "sigma: 1:30": GOOD.replace("0.1", "1:30"),
    "sigma: true": GOOD.replace("0.1", "true"),
    "sigma: .inf": GOOD.replace("0.1", ".inf"),
    "sigma: 1e300": GOOD.replace("0.1", "1e300"),
    "seed: 010": GOOD + "seed: 010\n",
    "seed: digits": f"{GOOD}seed: {NINES}\n",
    "samples: 10^9": GOOD + "samples: 1000000000\n",
    "features: 1": GOOD + "features: 1\n",
    "self alias": GOOD + "title: &a [*a]\n",
    "bomb": BOMB + GOOD,
    "deep": "[" * 100_000,
    "many": f"{GOOD}x: [{'1,' * 200_000}]\n",
    "tag": GOOD + "title: !!python/object/apply:os.system [id]\n",
    "date tag": GOOD + "title: !!timestamp 2020-13-45\n",
    "number as a name": GOOD + "1: 2\n",
    "long name": f"{GOOD}? {'k' * 5000}\n: 1\n",
    "blank label": GOOD.replace("pinv", "pinv, label: ' '"),
    "label of two lines": GOOD.replace("pinv", 'pinv, label: "a\\nb"'),
    "escapes in a label": GOOD.replace("pinv", 'pinv, label: "\\e[31m"'),
    "row is a text": GOOD.replace("{solver: pinv}", "pinv"),
    "empty mask": GOOD.replace("denoise", "inpaint_random, params: {p: 0.99999}"),
    "matrix of images": GOOD.replace("denoise", "matrix, params: {matrix: [[1, 2]]}"),
    "tiny kernel": GOOD.replace("denoise", "blur_gauss, params: {std: 1.0e-300}"),
    "taps: true": GOOD.replace("denoise", "blur_gauss, params: {taps: true}"),
}


@pytest.fixture(autouse=True)
def in_time():
    """Ends a test that hangs."""

    def hang(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, hang)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)


def refused(result):
    lines = [line for line in result.stderr.splitlines() if line.lower().startswith("error: ")]
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in {1, 2} and lines
    assert all(len(line) < 500 for line in lines) and "Traceback" not in result.output


@pytest.mark.skipif(sys.platform == "win32", reason="no alarms")
@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option[:40])
def test_options(tmp_path, option):
    (tmp_path / "s.yaml").write_text(GOOD)
    refused(bench("run", "--suite", tmp_path / "s.yaml", "--out", tmp_path / "out", *option.split(" ")))
    assert not (tmp_path / "out" / "journal").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no alarms")
@pytest.mark.parametrize("name", SUITES)
def test_suites(tmp_path, name):
    (tmp_path / "s.yaml").write_text(SUITES[name])
    result = bench("run", "--suite", tmp_path / "s.yaml", "--out", tmp_path / "out")
    refused(result)
    assert "s.yaml:" in result.stderr, "the place is named"


@pytest.mark.parametrize("number", ["nan", "inf", "0", "\u00b2", "1e999"])
def test_other_verbs(tmp_path, number):
    refused(bench("report", "--paper", "dps", "--ms-per-nfe", number))
    refused(bench("verify", tmp_path, "--images", number))
    refused(bench("fid-stats", "--dataset", "fashion32", "--batch", number))


CARD = '{head}\nkind = "listed"\nshape = [3, 8, 8]\ncollection = "ffhq"\npreprocessing = "centre_crop"\n'


@pytest.mark.parametrize(
    "entry",
    [
        *("count = 100000000000000000", "count = true", 'count = "1"', "count = 1.0", "count = inf"),
        *(f"count = {NINES}", "count = 2020-01-02", f"count = {'[' * 5000}"),
    ],
    ids=lambda entry: entry[:20],
)
def test_cards_of_data(tmp_path, entry):
    (tmp_path / "c.toml").write_text(CARD.format(head=entry) + 'ids = "{:05d}"\n')
    result = bench("run", "--suite", "demo", "--dataset", tmp_path / "c.toml", "--out", tmp_path / "out")
    refused(result)
    assert "c.toml" in result.stderr
