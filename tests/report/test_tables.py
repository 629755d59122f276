"""Which records make a table and a row."""

import pytest

from bench.records.keys import digest
from bench.report import render
from bench.report.tables import build, file_name
from tests.made_run import IMAGES, PSNR, ROWS, N, asked, make_run, record, records, report


def test_two_configurations_under_one_label_stay_apart(tmp_path):
    found = [
        record("best", i, params={"zeta": z}, psnr=PSNR["best"][i] + z, created=f"2025-0{2 * z:g}")
        for z in (0.5, 1.0)
        for i in range(N)
    ]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert float(rows["best (b)"]["psnr"]) - float(rows["best (a)"]["psnr"]) == pytest.approx(0.5, abs=1e-3)
    assert "`best` names 2 configurations, kept apart: (a) zeta 0.5; (b) zeta 1." in page


def test_revisions_and_sources_tell_configurations_apart(tmp_path):
    kinds = [
        {"solver_rev": 2},
        {"source_sha256": "c0ffee" * 8},
        {"versions": {"diffusion-inverse-bench": "0.2"}},
    ]
    found = [
        record("best", i, cell=f"c{k}", key=digest([k, i]), **kind)
        for k, kind in enumerate(kinds)
        for i in range(N)
    ]
    page, _ = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "`best` names 3 configurations" in page and "revision 2, source absent, version absent" in page
    assert "source c0ffeec0" in page and "version 0.2" in page
    found = [
        record("best", i, operator_rev=k, cell=f"o{k}", key=digest(["o", k, i]))
        for k in (1, 2)
        for i in range(N)
    ]
    page, _ = report(make_run(tmp_path / "other", found), tmp_path / "out")
    assert "## Gaussian blur (revision 1)" in page and "## Gaussian blur (revision 2)" in page
    assert page.count("`blur_gauss` (std 1), revision 2;") == 1


def test_tables_of_one_title_say_what_differs(tmp_path):
    """Two seeds, and another noise level under the second."""
    found = []
    for seed, sigma in ((0, 0.05), (1, 0.05), (1, 0.1)):
        about = {"seed": seed, "sigma": sigma, "cell": f"{seed} {sigma}"}
        found += [record("best", i, **about, key=digest([seed, sigma, i])) for i in range(N)]
    titles = [table.title for table in build(found, [])]
    assert titles == ["blur (seed 0)", "blur (seed 1, σ 0.05)", "blur (seed 1, σ 0.1)"]
    assert [table.title for table in build(found[:N], [])] == ["blur"]
    page, _ = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "| Gaussian blur (seed 0) | Gaussian blur (seed 1, σ 0.05) |" in page.replace("\u00a0", " ")


def test_two_codes_of_a_users_operator_are_two_tables(tmp_path):
    """Each with the rows and the titles of its own manifest, and none of the other's rows pending."""
    found, manifests = [], []
    for k, sha256 in enumerate(("c0ffee" * 8, "decade" * 8)):
        found += [
            record("best", i, operator_sha256=sha256, cell=f"c{k}", key=digest([k, i])) for i in range(N)
        ]
        task = {"name": "blur", "title": f"Mine {k}", "operator": "blur_gauss", "operator_sha256": sha256}
        rows = {"rows": [{"label": "best", "images": None, "cells": {"blur": f"c{k}"}}]}
        manifests.append(asked(tasks=[task]) | rows)
    page, _ = report(make_run(tmp_path / "run", found, manifests=manifests), tmp_path / "out")
    assert "## Mine 0\n\n`blur_gauss` (std 1), source c0ffeec0;" in page and "Not run yet" not in page
    assert "## Mine 1\n\n`blur_gauss` (std 1), source decadede;" in page and "kept apart" not in page
    assert "operator_sha256" in (tmp_path / "out" / "tables.csv").read_text()
    report(make_run(tmp_path / "ours", records()), tmp_path / "ours")
    assert "operator_sha256" not in (tmp_path / "ours" / "tables.csv").read_text()


def test_a_row_that_was_tried_on_more_images_changes_nothing_for_the_others(tmp_path):
    found = [r for r in records() if r.label != "fails" and (r.label == "same" or r.image in IMAGES[:8])]
    small, large = asked(ROWS[:4], 8), asked(["same"], created="later")
    outs = []
    for name, manifests, chosen in (
        ("a", [small], [r for r in found if r.image in IMAGES[:8]]),
        ("b", [small, large], found),
    ):
        page, rows = report(make_run(tmp_path / name, chosen, manifests=manifests), tmp_path / name / "out")
        outs.append(rows)
    assert outs[0] == outs[1]
    assert "Images left out here, as the other rows do not have them: `same` 4." in page


def test_names_of_files_differ_where_case_makes_no_difference():
    taken = set()
    names = [file_name(task, taken) for task in ("d", "D", "d", "d-2", "a b", "a\nb")]
    assert names == ["d", "D-2", "d-3", "d-2-2", "a-b", "a-b-2"]


def test_another_noise_level_is_another_table(tmp_path):
    found = [
        record("best", i, sigma=s, cell=f"c{s}", key=digest([s, i])) for s in (0.1, 0.4) for i in range(N)
    ]
    make_run(tmp_path / "run", found)
    page = render(tmp_path / "run", tmp_path / "out", ["md"])[0].read_text()
    assert page.count("## Gaussian blur") == 2 and "σ = 0.4 for" in page and "(a)" not in page


def test_other_noise_and_what_solvers_are_told_are_other_tables_and_said(tmp_path):
    kinds = {
        "a": {},
        "b": {"sigma": None, "noise": {"kind": "poisson", "rate": 1.0}},
        "c": {"told": {"sigma": 0.2, "std": 1.2}},
    }
    found = []
    for name, change in kinds.items():
        found += [record("best", i, **change, cell=name, key=digest([name, i])) for i in range(N)]
    make_run(tmp_path / "run", found)
    page = render(tmp_path / "run", tmp_path / "out", ["md"])[0].read_text()
    assert page.count("| best<br>") == 3 and "(a)" not in page
    assert "; Poisson noise (rate 1);" in page and "**the solvers are told σ = 0.2, std = 1.2**" in page


def test_what_tells_tables_of_one_title_apart_is_in_words():
    kinds = [{"noise": {"kind": "poisson", "rate": rate}, "sigma": None} for rate in (0.5, 2.0)]
    kinds += [{"operator_params": {"std": 1.5, "taps": 11}}, {"operator_params": {}}]
    kinds += [{"operator_params": {}, "told": {"sigma": 0.2}}]
    found = [record("best", 0, **change, cell=f"c{i}", key=digest([i])) for i, change in enumerate(kinds)]
    assert {table.title for table in build(found, [])} == {
        "blur (operator std 1, Poisson noise (rate 0.5))",
        "blur (operator std 1, Poisson noise (rate 2))",
        "blur (σ 0.1, operator std 1.5, taps 11)",
        "blur (σ 0.1, operator none, told none)",
        "blur (σ 0.1, operator none, told σ = 0.2)",
    }


def test_a_label_of_several_lines_is_on_one():
    """Figures, pages and sheets have one line for it."""
    (table,) = build([record("best", 0, label="a\n\nb\x00")], [])
    assert [row.name for row in table.rows] == ["a b"]
