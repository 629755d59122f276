"""Which row is best, which tie with it, and what is not ranked."""

from dataclasses import replace

import numpy as np
import pytest

from bench.records.keys import digest
from bench.records.manifest import RunManifest
from bench.report.columns import KNOWN
from bench.report.figures.cost.points import place
from bench.report.ranking import judge_all
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import HARD, IMAGES, JITTER, PSNR, N, asked, cell_of, make_run, record, records, report


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
        "worse": ("worse", "True", "12", "12"),
        "short": ("", "False", "6", "6"),
        "best": ("best", "True", "12", "12"),
    }
    assert float(rows["short"]["psnr"]) > float(rows["best"]["psnr"]) + 9
    assert [rows["short"][f"psnr_gap{end}"] for end in ("", "_n")] == ["-0.3", "6"]
    assert (
        "- `short`: 6 images by design; not ranked. Paired, on the same images: "
        "`short` − `best` PSNR −0.30 \\[" in page
    )
    table = [line for line in page.partition("### ")[0].splitlines() if line.startswith("| ")][-4:]
    assert table[2].startswith(
        f"| <sub>best on the same 6 images</sub> | <sub>{psnr['best'][:6].mean():.2f}</sub> |"
    )
    assert (
        table[3].replace("\u00a0", " ").startswith("| short<br><sub>paper, 6 images, uncertified</sub> |")
        and "12; 6 for short" in page
    )
    (table,), metric, sets = (
        build(found, [RunManifest.from_disk(manifest)]),
        KNOWN[0],
        Sets([tmp_path / "run"]),
    )
    judged = judge_all(table, [metric], sets, {})
    drawn = place(table, judged.scores["psnr"], judged.yardstick, metric)
    assert drawn["short"].interval.mean == pytest.approx(psnr["best"].mean() - 0.3)
    assert drawn["worse"] == judged.scores["psnr"]["worse"]


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
        "worse": "worse",
        "short": mark,
    }
    line = next(line for line in page.splitlines() if line.startswith("| short<br>"))
    assert f"| {printed.format(short.mean())}" in line


def test_a_row_that_is_not_finished_is_not_ranked(tmp_path):
    found = [r for r in records() if r.label != "fails" and (r.label != "best" or r.image in IMAGES[:9])]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert (rows["best"]["psnr_mark"], rows["best"]["ranked"], rows["best"]["n_missing"]) == (
        "",
        "False",
        "3",
    )
    assert f"| ({PSNR['best'][:9].mean():.2f})" in page, "it is put in brackets"
    assert "`best`: 3 of 12 images not run; not ranked." in page and rows["same"]["psnr_mark"] == "best"


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


@pytest.mark.parametrize(
    ("n", "said", "unsaid"), [(6, "can be ranked", "is ranked"), (5, "is ranked", "can be")]
)
def test_the_only_row_lacks_others_or_images_and_one_of_them_is_said(tmp_path, n, said, unsaid):
    run = make_run(tmp_path / "run", [record("best", i) for i in range(n)], manifests=[])
    below = report(run, tmp_path / "out")[0].partition("## Conventions")[0]
    assert (below.count(said), below.count(unsaid)) == (1, 0)


@pytest.mark.long
def test_tables_of_equal_rows_rarely_show_one_as_worse(tmp_path):
    """Ten equal solvers: compared with the best row one by one, some row is worse in most tables."""
    rng, tables, shown = np.random.default_rng(0), 60, 0
    sets = Sets([tmp_path])
    for _ in range(tables):
        hard = 3 * rng.normal(size=16)
        made = []
        for k in range(10):
            psnr = 20 + hard + rng.normal(size=16)
            same = {"label": f"row{k}", "cell": f"{k}"}
            for i, value in enumerate(psnr):
                image = {"image": f"{i}", "y_hash": f"{i}", "image_sha256": f"{i}"}
                made.append(record("best", 0, psnr=value, key=digest([k, i]), **image, **same))
        (table,) = build(made, [])
        marks = {score.mark for score in judge_all(table, [KNOWN[0]], sets, {}).scores["psnr"].values()}
        shown += not marks <= {"best", "tie", "equivalent"}
    assert shown / tables < 0.05 + 3 * np.sqrt(0.05 * 0.95 / tables)
