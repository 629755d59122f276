"""A paper's tables beside our records: what is called reproduced, what is refused and why, and the plan for
the rest."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.operators import OPERATORS, make_operator
from bench.plan.build import make_cells
from bench.priors.cards import read_card
from bench.report.papers.paper import paper_page
from bench.report.papers.published import METRICS, PublishedError, load_published
from bench.stats.intervals import bootstrap_interval
from bench.suites.suite import load_suite
from solvers import SOLVERS
from tests import ROOT
from tests.made_run import N, make_run, record
from tests.suites.test_suite import supplied, world_of  # noqa: F401 - a fixture

PUBLISHED = load_published()
DB = np.array([20.0, 22, 24, 26, 28, 30] * 2)
MEAN = DB.mean()
FILE = """
[papers]
dps = {title = "The paper", id = "2209.14687"}
[solvers]
dps = {label = "DPS", steps = 1000, backward = true}
ddrm = {label = "DDRM", steps = 20}
[others]
tv = "TV"
[priors]
net = {tflop = 1.0}
[[table]]
paper = "dps"
source = "Table 1"
status = "verbatim"
dataset = "tiny"
n = 12
prior = "net"
sigma = 0.05
sigma_unit = "[0,1]"
metrics = ["psnr", "lpips"]
suite = "s"
preset.dps = "paper"
[[table.task]]
title = "Blur"
operator = "blur_gauss"
params = {std = 1.0}
task = "blur"
rows.dps-1000 = "25.0 .5"
rows.ddrm-20 = "25.0 .5"
rows.tv = "10.0 -"
"""


def ours(**changes):
    """Twelve records that fit the file."""
    params = {"steps": 1000} | changes.pop("params", {})
    told = {"metrics": {"lpips": 0.5}, "unavailable": {}, "label": "dps", "params": params} | changes
    found = [record("best", i, solver="dps", **told) for i in range(N)]
    return [replace(r, metrics=r.metrics | {"psnr": float(DB[i])}) for i, r in enumerate(found)]


def page_of(tmp_path, text=FILE, found=None, ms=None):
    path = tmp_path / "published.toml"
    path.write_text(text)
    folders = [make_run(tmp_path / "run", found, manifests=[])] if found else []
    return paper_page("dps", folders, ms, path)


def line(page, metric="PSNR", method="DPS (1000)"):
    (found,) = [row for row in page.splitlines() if row.startswith(f"| {method} | {metric} |")]
    return [cell.strip() for cell in found.strip("|").split("|")][2:]


def test_reproduced_within_the_interval_and_its_rounding_and_differs_beyond(tmp_path):
    low, high = bootstrap_interval(DB)[1:3]
    for value, verdict in [
        (25.0, "reproduced"),
        (high - 0.06, "reproduced"),
        (high + 0.04, "reproduced"),
        (high + 0.06, "differs"),
    ]:
        printed = f"{value:.2f}"[:-1] if verdict == "reproduced" else f"{value:.2f}"
        here, there, difference, found = line(
            page_of(tmp_path, FILE.replace('"25.0 .5"', f'"{printed} .5"'), ours())
        )
        assert found == f"**{verdict}**" and there == printed
        assert here == f"{MEAN:.2f} \\[{low:.2f}, {high:.2f}\\]"
        assert float(difference.replace("−", "-")) == pytest.approx(MEAN - float(printed), abs=0.006)
        (tmp_path / "run").rename(tmp_path / f"run{printed}{value}")


@pytest.mark.parametrize(
    ("file", "records", "reason"),
    [
        ({"sigma = 0.05": "sigma = 0.1"}, {}, "sigma 0.1 here, 0.2 there, for images in [−1, 1]"),
        ({"[0,1]": "[-1,1]"}, {}, "sigma 0.1 here, 0.05 there"),
        ({"sigma = 0.05\n": ""}, {}, "their sigma is not known"),
        ({"std = 1.0": "std = 3.0"}, {}, "std 1 here, 3 there"),
        ({}, {"operator_params": {"std": 1.0, "taps": 9}}, "taps 9 here, unset there"),
        (
            {'operator = "blur_gauss"': 'operator = "blur_gauss"\noperator_differs = "zero padding"'},
            {},
            "operator: zero padding",
        ),
        ({'dataset = "tiny"': 'dataset = "large"'}, {}, "images: tiny here, large there"),
        ({'dataset = "tiny"': 'images = "1000 of them"'}, {}, "their images are not known (1000 of them)"),
        ({}, {"preset": "bench"}, "preset bench, neither official nor paper"),
        (
            {"tflop = 1.0": f'tflop = 1.0, sha256 = "{64 * "f"}"'},
            {},
            "prior: other weights than those that net is known by",
        ),
        ({}, {"preset": None}, "preset none, neither official nor paper"),
        ({}, {"params": {"steps": 100}}, "100 steps here, 1000 there"),
        (
            {},
            {"label": "dps-paper[steps=1000,zeta=9,eta=1]"},
            "zeta=9, eta=1 instead of what the preset paper has",
        ),
        (
            {"[[table.task]]": 'rows_differ.dps-1000 = "best of four"\n[[table.task]]'},
            {},
            "solver: best of four",
        ),
        ({"[[table.task]]": 'variants.psnr = "8 bit"\n[[table.task]]'}, {}, "PSNR: 8 bit"),
    ],
)
def test_it_refuses_to_compare_across_conventions(tmp_path, file, records, reason):
    text = FILE
    for old, new in file.items():
        assert old in text
        text = text.replace(old, new)
    page = page_of(tmp_path, text, ours(**records))
    *_, difference, verdict = line(page)
    assert (difference, verdict) == ("–", "*not comparable* (1)")
    assert f"- (1) {reason}" in page.replace("\\[", "[").replace("\\]", "]")


def test_weights_of_published_networks_are_those_of_our_cards():
    known = {name: prior.sha256 for name, prior in PUBLISHED.priors.items() if prior.tflop}
    assert known == {name: read_card(name)[0].sha256 for name in known}


def test_rcond_is_not_a_convention_and_failures_are_an_obstacle(tmp_path):
    assert (
        line(page_of(tmp_path, found=ours(operator_params={"std": 1.0, "rcond": 0.01})))[-1]
        == "**reproduced**"
    )
    broken = [replace(r, status="diverged", metrics={}) if r.image == "3" else r for r in ours()]
    (tmp_path / "run").rename(tmp_path / "whole")
    page = page_of(tmp_path, found=broken)
    assert line(page)[-1] == "*not comparable* (1)" and "11 of 12 images were solved" in page


def test_variants_and_origins_are_per_metric(tmp_path):
    """A doubtful LPIPS does not spoil the PSNR beside it, and what was not found word for word is never
    reproduced."""
    text = FILE.replace(
        "[[table.task]]", 'variants.lpips = "VGG"\nstatuses.psnr = "third-party"\n[[table.task]]'
    )
    page = page_of(tmp_path, text, ours())
    assert line(page, "LPIPS")[-1] == "*not comparable* (1)" and "- (1) LPIPS: VGG." in page
    assert line(page)[1:] == ["25.0†", "+0.00", "*unverified source* (third-party)"]
    text = (
        FILE.replace('metrics = ["psnr", "lpips"]', 'metrics = ["psnr", "fid"]')
        .replace(".5", "5")
        .replace("25.0 5", "25.0 50")
    )
    (tmp_path / "run").rename(tmp_path / "first")
    assert "no FID here: " in page_of(tmp_path, text, ours())


def test_fid_is_compared_at_equal_numbers_of_images_only(tmp_path):
    import json

    from bench.records.keys import digest
    from bench.report.scores import REV

    found = ours()
    folder = make_run(tmp_path / "run", found, manifests=[])
    keys = sorted(r.key for r in found)
    entry = {"n": N, "rev": REV, "fid": 50.0, "kid": 0.001, "kid_error": 0.0001}
    (folder / "sets.json").write_text(json.dumps({digest(keys): entry}))
    path = tmp_path / "published.toml"
    text = FILE.replace('metrics = ["psnr", "lpips"]', 'metrics = ["kid", "fid"]').replace(
        '"25.0 .5"', '"1.1 50"'
    )
    path.write_text(text.replace("n = 12", "n = 1000"))
    page = paper_page("dps", [folder], path=path)
    assert "FID of 12 images here, of 1000 there" in page
    assert line(page, "KID x 1000")[-1] == "**reproduced**, 12 of 1000 images", (
        "KID is printed times 1000, and unbiased at any number"
    )


def test_the_nearest_row_is_taken_and_methods_of_others_are_only_shown(tmp_path):
    page = page_of(tmp_path, found=[*ours(), *ours(preset="bench", params={"zeta": 9}, cell="other")])
    assert line(page)[-1] == "**reproduced**"
    assert line(page, method="TV") == ["–", "10.0", "–", "–"]
    assert line(page, method="DDRM (20)")[-1] == "no records"
    (tmp_path / "run").rename(tmp_path / "first")
    page = page_of(tmp_path, found=ours(prior="another"))
    assert line(page)[-1] == "no records", "another network is no other convention but another experiment"


def test_steps_of_the_command_line_are_the_plans_own(tmp_path):
    assert line(page_of(tmp_path, found=ours(label="dps-paper-100[steps=1000]")))[-1] == "**reproduced**"


def test_the_plan_has_commands_and_an_estimate_that_says_so(tmp_path):
    page = page_of(tmp_path, ms=36.0)
    assert (
        "python -m bench run --suite s --task blur --solver dps-paper-1000 --images 12 --device cuda" in page
    )
    assert (
        "python -m bench run --suite s --task blur --solver ddrm-official-20 --images 12 --device cuda --dtype float16"
        in page
    )
    assert "| DPS (1000): Blur, s | 12 | 1000 + vjps | 0.24 |" in page, "12 images x 1000 x 2 x 36 ms"
    assert "An estimate, not a measurement" in page and "36 ms for net (as given" in page
    assert "20 ms for net (the network's operations at an assumed 50 TFLOP/s" in page_of(tmp_path)
    (tmp_path / "other").mkdir()
    assert "dps-paper-1000" not in page_of(tmp_path / "other", found=ours()), (
        "what is recorded is not planned"
    )
    (tmp_path / "other" / "run").rename(tmp_path / "first")
    page = page_of(tmp_path / "other", found=ours(preset="bench"))
    assert "dps-paper-1000" in page and "not comparable" in page, "with other settings it is"


def test_the_plan_leaves_out_what_cannot_be_run_and_says_what_cannot_be_compared(tmp_path):
    text = FILE.replace(
        "rows.tv", 'rows_differ.dps-1000 = "best of four"\nrows_skipped.ddrm-20 = "linear only"\nrows.tv'
    )
    page = page_of(tmp_path, text)
    assert (
        "--solver dps-paper-1000" in page
        and "- Not comparable, once recorded: DPS (1000), Blur (best of four)." in page
    )
    assert "--solver ddrm" not in page and "- Not planned: DDRM (20), Blur (linear only)." in page
    page = page_of(tmp_path, FILE.replace('suite = "s"\n', "").replace('task = "blur"\n', ""))
    assert (
        "```" not in page
        and "- Not planned: DPS (1000), Blur (no suite of ours has the network net)." in page
    )


def test_a_trial_on_a_few_images_stays_planned(tmp_path):
    page = page_of(tmp_path, FILE.replace("n = 12", "n = 1000"), ours())
    assert line(page)[-1] == "**reproduced**, 12 of 1000 images" and ", 12 images." in page
    assert "--solver dps-paper-1000 --device cuda" in page


def test_where_the_code_of_a_paper_is_known_to_be_another_it_is_refused():
    """DPS divides its step by a norm with the noise of unmeasured pixels in it, 3.5 times as long at 92 %
    missing."""
    for entry in PUBLISHED.of("dps"):
        assert ("dps-1000" in entry.rows_differ) == (
            entry.operator in {"inpaint_box", "inpaint_random", "phase_retrieval"}
        )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("= {title", "= title", "cannot read"),
        ('status = "verbatim"', 'status = "sure"', "Table 1: Blur: status: Input should be 'verbatim'"),
        ('status = "verbatim"', 'statu = "verbatim"', "Table 1: Blur: "),
        ("[0,1]", "[0,255]", "Table 1: Blur: sigma_unit: "),
        ('sigma_unit = "[0,1]"\n', "", "Table 1: Blur: sigma needs a sigma_unit"),
        (
            'dataset = "tiny"\n',
            "",
            "Table 1: Blur: give either the dataset, or in images what is known of them",
        ),
        ('"25.0 .5"', '"25.0"', "Table 1: Blur: row 'dps-1000': 2 numbers or '-' expected"),
        ('"25.0 .5"', '"25,0 .5"', "row 'dps-1000': 2 numbers or '-' expected (could not convert"),
        ('"psnr", "lpips"', '"psnr", "lpisp"', "unknown metric 'lpisp' (did you mean 'lpips'?)"),
        ("rows.ddrm-20", "rows.dddrm-20", "Table 1: Blur: unknown row 'dddrm-20' (did you mean 'ddrm-20'?)"),
        ('paper = "dps"', 'paper = "dsp"', "Table 1: Blur: unknown paper 'dsp' (did you mean 'dps'?)"),
        ('prior = "net"', 'prior = "nte"', "unknown prior 'nte' (did you mean 'net'?)"),
        ("tflop = 1.0", "tflop = 0", "priors.net: tflop: Input should be greater than 0"),
        ("tflop = 1.0", "", "Table 1: Blur: prior 'net' has no tflop, which the plan needs"),
        ('task = "blur"\n', "", "Table 1: Blur: suite and task come together"),
        ("[others]\ntv", "[priorz]\ntv", "unknown section 'priorz'"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, old, new, message):
    path = tmp_path / "published.toml"
    assert old in FILE
    path.write_text(FILE.replace(old, new))
    with pytest.raises(PublishedError) as error:
        load_published(path)
    assert (
        str(path) in str(error.value)
        and message in str(error.value)
        and len(str(error.value).splitlines()) == 1
    )


def test_every_published_number_is_about_something_that_we_know():
    for entry in PUBLISHED.entries:
        assert entry.operator in OPERATORS and set(entry.metrics) <= METRICS.keys(), entry.title
        assert {PUBLISHED.method(row)[0] or row for row in entry.rows} <= {*SOLVERS, *PUBLISHED.others}
        assert (entry.status == "verbatim") <= (entry.source.startswith(("DPS", "DiffPIR"))), (
            "those whose text was found"
        )
    assert {entry.paper for entry in PUBLISHED.entries} == set(PUBLISHED.papers)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "imagenet-linear",
        "imagenet-nonlinear",
        "imagenet-noisy",
        "ffhq-linear",
        "ffhq-nonlinear",
        "ffhq-noisy",
    ],
)
def test_what_the_plan_names_is_in_our_suites(name, supplied):  # noqa: F811
    """The task with the published operator, parameters, sigma and prior, and the row with its preset, steps
    and vjps."""
    suite = load_suite(name)
    cells = {(cell.task.name, cell.label): cell for cell in make_cells(suite, world_of(suite), {})}
    for entry in [entry for entry in PUBLISHED.entries if entry.suite == name]:
        for row in entry.rows:
            solver, _ = PUBLISHED.method(row)
            if solver is None or entry.skipped(row):
                continue
            about, preset = PUBLISHED.solvers[solver], entry.preset.get(solver, "official")
            cell = cells[entry.task, f"{solver}-{preset}-{about.steps}"]
            assert (cell.name, cell.preset, cell.steps, cell.task.operator) == (
                solver,
                preset,
                about.steps,
                entry.operator,
            )
            assert entry.noise_std is None or cell.task.sigma == pytest.approx(entry.noise_std)
            assert {k: v for k, v in cell.task.params.items() if k != "rcond"} == entry.params, (
                entry.source,
                entry.title,
            )
            assert suite.prior == entry.prior and suite.images >= (entry.n or 0)
            assert cell.reason is None, f"{entry.title}: {cell.reason}"
            assert suite.dataset == entry.dataset or entry.dataset is None


def test_ledger_of_operators():
    assert make_operator("blur_gauss", (3, 64, 64), [0], std=2.0, taps=15).conventions() == {
        "kernel": "15 taps, std 2 px", "padding": "mirrored without the edge (reflect)", "DC gain": "1",
    }  # fmt: skip
    (half,) = (make_operator("blur_circular", (1, 16, 16), [0]),)
    half.transfer = half.transfer / 2
    assert half.conventions()["DC gain"] == "0.5" and half.conventions()["padding"] == "circular", (
        "measured, not declared"
    )
    assert "DC gain" not in make_operator("hdr", (3, 32, 32), [0]).conventions()


def test_the_verb(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = lambda *words: CliRunner().invoke(cli, ["report", *words])  # noqa: E731
    done = run("--paper", "red-diff", "--out", "page.md")
    assert done.exit_code == 0 and done.stdout == Path("page.md").read_text() and "## Plan" in done.stdout
    done = run("--paper", "redif")
    assert done.exit_code == 2 and "unknown paper 'redif' (did you mean 'red-diff'?)" in done.stderr
    assert "no run folder" in run("--paper", "dps", "--suite", "nothing").stderr
    assert "is a folder; with --paper give a file" in run("--paper", "dps", "--out", ".").stderr


@pytest.mark.long
def test_a_papers_page_needs_no_torch():
    code = "import sys; from bench.report.papers.paper import paper_page as p; p('dps'); print({'torch', 'pandas'} & set(sys.modules))"
    root = ROOT
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "set()"
