"""Which records make a row, which rows are compared over which images, and who is best."""

from dataclasses import replace

import numpy as np
import pytest

from bench.records.keys import digest
from bench.report import render
from bench.report.columns import KNOWN
from bench.report.figures.plot import place
from bench.report.planned import labels
from bench.report.scores import Sets, gap, judge, leader, reference
from bench.report.tables import build
from bench.stats.intervals import bootstrap_interval
from tests.made_run import (
    HARD,
    IMAGES,
    JITTER,
    PSNR,
    ROWS,
    N,
    asked,
    cell_of,
    make_run,
    record,
    records,
    report,
)


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
    assert page.count("## Gaussian blur") == 2 and page.count("`blur_gauss` (std 1), revision 2;") == 1


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


def test_rows_with_fewer_images_by_design_are_compared_over_the_images_they_share(tmp_path):
    """The first 6 images are easy: the row that has only these has the best mean, and yet is worse on each of
    them."""
    psnr = {"worse": HARD + 21 - 30 * (np.arange(N) >= 6), "best": HARD + 21.5 - 30 * (np.arange(N) >= 6)}
    psnr["short"] = psnr["best"] - 0.3
    chosen = [(row, i) for row in psnr for i in range(6 if row == "short" else N)]
    named = [
        {"psnr": psnr[row][i], "label": row, "cell": cell_of(row), "key": digest([row, i])}
        for row, i in chosen
    ]
    found = [record("worse", i, **names) for (_, i), names in zip(chosen, named, strict=True)]
    manifest = asked(("worse", "short", "best"), few={"short": 6})
    page, rows = report(make_run(tmp_path / "run", found, manifests=[manifest]), tmp_path / "out")
    assert {
        name: (row["psnr_mark"], row["ranked"], row["n"], row["n_images"]) for name, row in rows.items()
    } == {
        "worse": ("", "True", "12", "12"),
        "short": ("", "False", "6", "6"),
        "best": ("best", "True", "12", "12"),
    }
    assert float(rows["short"]["psnr"]) > float(rows["best"]["psnr"]) + 9
    assert [rows["short"][f"psnr_gap{end}"] for end in ("", "_n")] == ["-0.3", "6"]
    assert (
        "- `short`: 6 images by design; not ranked. Paired, on the same images: `short` − `best` PSNR −0.30 \\["
        in page
    )
    table = [line for line in page.splitlines() if line.startswith("| ")][-4:]
    assert table[2].startswith(
        f"| <sub>reference: best, 6 images</sub> | <sub>{psnr['best'][:6].mean():.2f}</sub> |"
    )
    assert (
        table[3].replace("\u00a0", " ").startswith("| short<br><sub>paper, 6 images, uncertified</sub> |")
        and "12; 6 for short" in page
    )
    (table,), metric, sets = build(found, [manifest]), KNOWN[0], Sets([tmp_path / "run"])
    scores = {"psnr": judge(table, metric, sets)}
    drawn = place(table, scores["psnr"], reference(table, [metric], scores, sets), metric)
    assert drawn["short"].interval.mean == pytest.approx(psnr["best"].mean() - 0.3)
    assert drawn["worse"] == scores["psnr"]["worse"]


@pytest.mark.parametrize(("lead", "mark", "printed"), [(0, "", "{:.2f}<br>"), (0.3, "beats", "{:.2f}°<br>")])
def test_a_row_with_fewer_images_is_marked_only_where_it_is_better(tmp_path, lead, mark, printed):
    """Not told apart on 6 of 12 images is no tie; and it is never the best of a column of other images."""
    short = PSNR["best"][:6] + JITTER[:6] + lead
    scores = {"best": PSNR["best"], "worse": PSNR["worse"], "short": short}
    named = [
        (i, {"psnr": v, "label": n, "cell": cell_of(n), "key": digest([n, i])})
        for n in scores
        for i, v in enumerate(scores[n])
    ]
    found = [record("best", i, **changes) for i, changes in named]
    manifest = asked(("worse", "short", "best"), few={"short": 6})
    page, rows = report(make_run(tmp_path / "run", found, manifests=[manifest]), tmp_path / "out")
    assert {name: row["psnr_mark"] for name, row in rows.items()} == {
        "best": "best",
        "worse": "",
        "short": mark,
    }
    line = next(line for line in page.splitlines() if line.startswith("| short<br>"))
    assert f"| {printed.format(short.mean())}" in line


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


def test_a_row_that_is_not_finished_is_not_ranked(tmp_path):
    found = [r for r in records() if r.label != "fails" and (r.label != "best" or r.image in IMAGES[:9])]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert (rows["best"]["psnr_mark"], rows["best"]["ranked"], rows["best"]["n_missing"]) == (
        "",
        "False",
        "3",
    )
    assert "`best`: 3 of 12 images not run; not ranked." in page and rows["same"]["psnr_mark"] == "best"


def test_the_leader_is_ahead_of_every_other_row_where_they_meet():
    full = {str(i): float(i) for i in range(12)}
    ahead = {i: v + 1 for i, v in full.items()}
    short = {i: v + 0.5 for i, v in full.items() if int(i) >= 6}
    values = {"full": full, "ahead": ahead, "short": short, "alone": {str(i): 99.0 for i in range(20, 40)}}
    assert leader(list(values), values, 1) == "ahead" and leader(["full", "short"], values, 1) == "short"
    assert leader(["full", "short"], values, -1) == "full" and leader(["full", "alone"], values, 1) is None
    assert gap(short, ahead, 1)[:4] == (-0.5, -0.5, -0.5, 6) and gap(short, ahead, -1).mean == 0.5
    assert gap(full, values["alone"], 1) is None


def test_a_renamed_row_takes_its_records_along(tmp_path):
    renamed = asked(ROWS, created="then")
    renamed["rows"][1] = renamed["rows"][1] | {"label": "better"}
    page, rows = report(
        make_run(tmp_path / "run", records(), manifests=[asked(ROWS), renamed]), tmp_path / "out"
    )
    assert "best" not in rows and rows["better"]["n"] == "12" and "Not run yet" not in page


def test_another_noise_level_is_another_table(tmp_path):
    found = [
        record("best", i, sigma=s, cell=f"c{s}", key=digest([s, i])) for s in (0.1, 0.4) for i in range(N)
    ]
    make_run(tmp_path / "run", found)
    page = render(tmp_path / "run", tmp_path / "out", ["md"])[0].read_text()
    assert page.count("## Gaussian blur") == 2 and "σ = 0.4 for" in page and "(a)" not in page


def test_rows_on_other_measurements_are_not_ranked(tmp_path):
    found = [replace(r, y_hash="other") if r.label == "best" and r.image == "5" else r for r in records()]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "**`best` saw other measurements than the other rows on 1 image: not ranked.**" in page
    assert (rows["best"]["psnr_mark"], rows["same"]["psnr_mark"]) == ("", "best")


def test_a_baseline_that_beats_every_solver_is_marked_not_ranked(tmp_path):
    found = [
        r if r.label != "pinv" else replace(r, metrics={"psnr": r.metrics["psnr"] + 20}) for r in records()
    ]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert (rows["pinv"]["psnr_mark"], rows["best"]["psnr_mark"]) == ("beats", "best")
    assert f"*{PSNR['pinv'].mean() + 20:.2f}*°" in page


def test_few_images_decide_nothing(tmp_path):
    found = [r for r in records() if r.image in IMAGES[:3] and r.label != "fails"]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "Fewer than 6 images cannot tell rows apart: nothing is ranked." in page
    assert (
        not any(row.get("psnr_mark") for row in rows.values())
        and "**" not in page.split("## Gaussian blur")[1]
    )


def test_samples_of_an_image_are_averaged_first(tmp_path):
    found = [record("best", i, sample=k, psnr=PSNR["best"][i] + k) for i in range(N) for k in range(3)]
    _, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert (rows["best"]["n"], rows["best"]["samples"]) == ("12", "3")
    assert float(rows["best"]["psnr_low"]) == pytest.approx(
        bootstrap_interval(PSNR["best"] + 1).low, rel=1e-5
    )


def test_a_row_that_stands_only_where_it_is_another_takes_no_label_away():
    whole = {"suite": "s", "rows": [{"label": "tuned", "cells": {"t": "c"}}]}
    alone = {"suite": "s", "rows": [{"label": "published", "if_other": True, "cells": {"t": "c", "u": "d"}}]}
    assert labels([whole, alone]) == labels([alone, whole]) == {("s", "c"): "tuned", ("s", "d"): "published"}
    assert labels([whole, {"suite": "s", "rows": [{"label": "new", "cells": {"t": "c"}}]}]) == {
        ("s", "c"): "new"
    }
