"""Ours beside a paper's: what is called reproduced, and what is refused and why."""

import json
from dataclasses import replace

import pytest

from bench.records.keys import digest
from bench.report.papers.compare import changed
from bench.report.papers.paper import paper_report
from bench.report.scores import REV
from bench.stats.intervals import mean_interval
from tests.made_paper import DB, FILE, MEAN, line, ours, page_of, with_listing
from tests.made_run import N, make_run


def test_reproduced_within_the_interval_and_its_rounding_and_differs_beyond(tmp_path):
    low, high = mean_interval(DB)[1:3]
    for value, verdict in [
        (25.0, "reproduced"),
        (high - 0.06, "reproduced"),
        (high + 0.04, "reproduced"),
        (high + 0.06, "differs"),
    ]:
        printed = f"{value:.2f}"[:-1] if verdict == "reproduced" else f"{value:.2f}"
        found = line(page_of(tmp_path, FILE.replace('"25.0 .5"', f'"{printed} .5"'), ours()))
        assert (found["verdict"], found["published"], found["read"]) == (verdict, printed, "verbatim")
        bounds = [float(found[f"ours{end}"]) for end in ("", "_low", "_high")]
        assert bounds == pytest.approx([MEAN, low, high], rel=1e-5)
        assert float(found["difference"]) == pytest.approx(MEAN - float(printed), abs=0.006)
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
    found = line(page)
    assert (found["difference"], found["verdict"]) == ("", "not comparable") and reason in found["reasons"]
    assert f"- (1) {reason}" in page.replace("\\[", "[").replace("\\]", "]")


def test_rcond_is_not_a_convention_and_failures_are_an_obstacle(tmp_path):
    assert (
        line(page_of(tmp_path, found=ours(operator_params={"std": 1.0, "rcond": 0.01})))["verdict"]
        == "reproduced"
    )
    broken = [replace(r, status="diverged", metrics={}) if r.image == "3" else r for r in ours()]
    (tmp_path / "run").rename(tmp_path / "whole")
    page = page_of(tmp_path, found=broken)
    assert line(page)["verdict"] == "not comparable" and "11 of 12 images were solved" in page


def test_variants_and_origins_are_per_metric(tmp_path):
    """A doubtful LPIPS does not spoil the PSNR beside it, and what was not found word for word is never
    reproduced."""
    text = FILE.replace(
        "[[table.task]]", 'variants.lpips = "VGG"\nstatuses.psnr = "third-party"\n[[table.task]]'
    )
    page = page_of(tmp_path, text, ours())
    assert line(page, "LPIPS")["verdict"] == "not comparable" and "- (1) LPIPS: VGG." in page
    assert [line(page)[name] for name in ("published", "read", "difference", "verdict")] == [
        "25.0",
        "third-party",
        "0",
        "unverified source",
    ]
    assert line(page, "LPIPS")["read"] == "verbatim"
    text = (
        FILE.replace('metrics = ["psnr", "lpips"]', 'metrics = ["psnr", "fid"]')
        .replace(".5", "5")
        .replace("25.0 5", "25.0 50")
    )
    (tmp_path / "run").rename(tmp_path / "first")
    assert "no FID here: " in page_of(tmp_path, text, ours())


def test_the_status_of_a_number_is_its_own_else_of_its_row_else_of_its_metric(tmp_path):
    stated = {"psnr": "unverified", "dps-1000": "quoted", '"dps-1000 lpips"': "third-party"}
    text = "".join(f'statuses.{key} = "{status}"\n' for key, status in stated.items())
    page = page_of(tmp_path, FILE.replace("rows.tv", f"{text}rows.tv"), ours())
    assert [line(page, metric)["read"] for metric in ("PSNR", "LPIPS")] == ["quoted", "third-party"]
    assert line(page)["verdict"] == "unverified source", "copies that agree reproduce nothing"
    ddrm = [line(page, metric, "DDRM (20)")["read"] for metric in ("PSNR", "LPIPS")]
    assert ddrm == ["unverified", "verbatim"]


def test_a_row_without_a_number_of_evaluations_is_shown_and_never_compared(tmp_path):
    page = page_of(tmp_path, FILE.replace("rows.dps-1000", "rows.dps"), ours())
    assert line(page, method="DPS")["verdict"] == "not comparable"
    assert "- (1) their number of network evaluations is not known." in page
    (tmp_path / "run").rename(tmp_path / "first")
    page = page_of(tmp_path, FILE.replace("rows.dps-1000", "rows.dps"))
    assert "--solver dps-paper-1000 " in page, "the plan takes ours"


def test_cost_is_of_another_machine(tmp_path):
    text = FILE.replace('"psnr", "lpips"', '"seconds", "memory_gb"').replace('"25.0 .5"', '"65 9.44"')
    page = page_of(tmp_path, text, ours())
    assert line(page, "GB")["verdict"] == "not comparable" and line(page, "GB")["ours"] == ""
    assert "- (2) GB: another machine." in page


def test_known_differences_stand_there_before_anything_is_recorded(tmp_path):
    known = (
        'operator_differs = "zero padding"\nvariants.lpips = "VGG"\nrows_differ.dps-1000 = "best of four"\n'
    )
    text = FILE.replace("sigma = 0.05\n", "").replace("rows.tv", f"{known}rows.tv")
    page = page_of(tmp_path, text)
    texts = ["operator: zero padding", "their sigma is not known", "DPS (1000): best of four", "LPIPS: VGG"]
    for text_ in texts:
        assert page.count(f"- Not comparable: {text_}.") == 1
    page = page_of(tmp_path, text, ours())
    for text_ in ("operator: zero padding", "solver: best of four", "LPIPS: VGG"):
        assert f") {text_}." in page
    assert "- Not comparable: " not in page, "each reason is given once"


def test_fid_is_compared_at_equal_numbers_of_images_only(tmp_path):
    found = ours()
    folder = make_run(tmp_path / "run", found, manifests=[])
    keys = sorted(r.key for r in found)
    entry = {"n": N, "rev": REV, "features": "f", "fid": 50.0, "kid": 0.001, "kid_error": 0.0001}
    (folder / "sets.json").write_text(json.dumps({digest(keys): entry}))
    path = tmp_path / "published.toml"
    text = FILE.replace('metrics = ["psnr", "lpips"]', 'metrics = ["kid", "fid"]').replace(
        '"25.0 .5"', '"1.1 50"'
    )
    path.write_text(text.replace("n = 12", "n = 1000"))
    page = with_listing(paper_report("dps", [folder], path=path))
    assert "FID of 12 images here, of 1000 there" in page
    assert line(page, "KID x 1000")["verdict"] == "reproduced", (
        "KID is printed times 1000, and unbiased at any number"
    )


def test_the_nearest_row_is_taken_and_methods_of_others_are_only_shown(tmp_path):
    page = page_of(tmp_path, found=[*ours(), *ours(preset="bench", params={"zeta": 9}, cell="other")])
    assert line(page)["verdict"] == "reproduced"
    assert [line(page, method="TV")[name] for name in ("ours", "published", "verdict")] == ["", "10.0", ""]
    assert line(page, method="DDRM (20)")["verdict"] == "no records"
    (tmp_path / "run").rename(tmp_path / "first")
    page = page_of(tmp_path, found=ours(prior="another"))
    assert line(page)["verdict"] == "no records", (
        "another network is no other convention but another experiment"
    )


def test_steps_of_the_command_line_are_the_plans_own(tmp_path):
    assert line(page_of(tmp_path, found=ours(label="dps-paper-100[steps=1000]")))["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("label", "settings"),
    [("dps-paper-1000", []), ("dps[steps=100]", []), ("dps[zeta=1,steps=100,eta=0]", ["zeta=1", "eta=0"])],
)
def test_what_a_command_line_changed_is_read_from_the_label(label, settings):
    assert changed(label) == settings
