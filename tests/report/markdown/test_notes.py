"""What tables say of rows whose prior knew more than y: beside our own rows, and beside a paper's."""

import re
from dataclasses import replace

from tests.made_run import PSNR, N, asked, make_run, record, report
from tests.report.papers.test_paper import FILE, ours, page_of

TOLD = "the prior was told the class of each true image"
GUIDES = ({"classifier": "ab" * 32, "scale": 1.0}, {"classifier": "cd" * 32, "scale": 2.5})


def test_each_row_is_said_to_have_had_its_own_guide(tmp_path):
    """Three rows with three kinds of knowledge, and one with none."""
    kinds = {"best": GUIDES[0], "same": GUIDES[1], "worse": None, "fails": GUIDES[0]}
    found = [
        replace(record(name, i), privileged=True, guidance=guide)
        for name, guide in kinds.items()
        for i in range(N)
    ]
    found += [record("pinv", i) for i in range(N)]
    page, _ = report(make_run(tmp_path / "run", found, manifests=[asked([*kinds, "pinv"])]), tmp_path / "out")
    [line] = [line for line in page.splitlines() if "Privileged: " in line]
    assert set(line.partition("Privileged: ")[2].removesuffix(".").split("; ")) == {
        f"`best`, `fails`: {TOLD}, and guided by classifier abababababab with scale 1",
        f"`same`: {TOLD}, and guided by classifier cdcdcdcdcdcd with scale 2.5",
        f"`worse`: {TOLD}",
    }


def test_a_row_below_the_baseline_is_said_once(tmp_path):
    found = [record("pinv", i) for i in range(N)] + [record("best", i) for i in range(N)]
    found += [record("worse", i, psnr=PSNR["pinv"][i] - 2) for i in range(N)]
    run = make_run(tmp_path / "run", found, manifests=[asked(["pinv", "best", "worse"])])
    page, _ = report(run, tmp_path / "out")
    [line] = [line for line in page.splitlines() if "Below the baseline" in line]
    low, high = (f"{PSNR['pinv'].mean() - gap:.2f}" for gap in (2, 0))
    assert (
        line == f"- Below the baseline `pinv` in PSNR, on the same images: `worse` {low} dB against {high}."
    )


def test_a_papers_page_names_the_rows_that_were_told(tmp_path):
    """Only the one that was, by the name that the page gives it."""
    told = [replace(r, privileged=True, guidance=GUIDES[0]) for r in ours()]
    plain = [record("same", i, solver="ddrm", label="ddrm", params={"steps": 20}) for i in range(N)]
    page = page_of(tmp_path, FILE, [*told, *plain])
    assert f"- Privileged: DPS (1000): {TOLD}, and guided by classifier abababababab with scale 1." in page
    assert page.count("Privileged") == 1


def test_a_papers_page_says_nothing_of_priors_that_were_told_nothing(tmp_path):
    assert "Privileged" not in page_of(tmp_path, FILE, ours())


def test_failures_are_counted_and_never_win(rendered):
    *_, page, rows = rendered
    kept = [i for i in range(N) if i not in (3, 7)]
    assert (rows["fails"]["n"], rows["fails"]["n_failed"], rows["fails"]["failures"]) == (
        "10",
        "2",
        "diverged:2",
    )
    assert rows["fails"]["ranked"] == "False"
    assert f"({PSNR['fails'][kept].mean():.2f})" in page and re.search(
        r"\| fails<br>.*\| 10 \| \*\*2\*\* \|", page
    )
    assert (
        "`fails`: 2 of 12 reconstructions failed (2 diverged); not ranked. Paired over the shared images: "
        "`fails` − `best` PSNR +9.00" in page
    )
