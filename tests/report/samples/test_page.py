"""What several samples and means of two groups say on the page: the same numbers as in the other reports."""

import pytest

from bench.report.columns import KNOWN
from bench.report.samples.components import components
from bench.report.samples.page import about, best, oracle_cell, oracle_rows
from bench.report.samples.success import successes
from bench.report.tables import build
from tests.browser import browser as browser
from tests.made_run import HARD, N, asked, make_run, record
from tests.report.html.conftest import rendered

PSNR = KNOWN[0]


def sampled(row, shift):
    """Two samples of each image, ``shift`` dB apart, and 40 dB between two groups of images."""
    found = []
    for i in range(N):
        for k in (0, 1):
            found.append(record(row, i, psnr=(5 if i % 2 else 45) + HARD[i] / 10 + k * shift, sample=k))
    return found


def table():
    found = [*sampled("best", 2.0), *sampled("same", 0.0), *(record("worse", i) for i in range(N))]
    (one,) = build(found, [])
    return found, one


def test_success_and_components_are_those_of_markdown():
    _, one = table()
    said = about(one, [PSNR])
    found = successes(one)["best"]
    assert said["success"]["best"] == [
        *(round(x, 4) for x in (found.share, found.low, found.high)),
        *(round(x, 2) for x in found.quartiles),
        1,
    ]
    parts = components(next(row for row in one.rows if row.name == "best"), "psnr")
    numbers = [2, parts.between, parts.within, parts.share, N]
    assert said["noise"]["best"] == pytest.approx(numbers, abs=1e-3)
    assert said["noise"]["same"][2:] == [0, 0, N] and said["single"] == ["worse"] and said["by"] == "psnr"
    fair = about(build([record("worse", i) for i in range(N)], [])[0], [PSNR])
    assert fair["success"] == {} and fair["noise"] == {}


def test_the_best_of_several_samples_is_an_oracle_that_costs_them_all():
    _, one = table()
    oracle = next(found for found in best(one, [PSNR]) if found.of.name == "best")
    assert oracle.row.name == "best, best of 2"
    found = oracle_cell(one, oracle, [PSNR], [])
    mean = sum((5 if i % 2 else 45) + HARD[i] / 10 + 2 for i in range(N)) / N
    assert found["m"]["psnr"][0] == pytest.approx(mean, abs=1e-3) and "oracle" in found["why"]
    assert (found["nfe"], found["vjp"], "sec" in found) == (40, 40, False)
    known = [{"id": row.name, "nfe": 20, "vjp": 20, "hue": 3} for row in one.rows]
    rows = {row["id"]: row for row in oracle_rows([one], [PSNR], known)}
    assert rows.keys() == {"best, best of 2", "same, best of 2"}
    assert rows["best, best of 2"]["base"] == "oracle" and rows["best, best of 2"]["nfe"] == 40


@pytest.mark.long
def test_a_reader_finds_them(browser, tmp_path):
    found, _ = table()
    run = make_run(tmp_path / "run", found, manifests=[asked(("best", "same", "worse"))])
    browser.open(rendered(run, tmp_path / "out").path)
    text = browser.js("return document.getElementById('samples').innerText")
    for part in (
        "How often it succeeds",
        "50 %",
        "two groups",
        "deterministic",
        "One sample of each image of worse",
    ):
        assert part in text
    row = "document.querySelector('#mx tr.base[data-row=\"best, best of 2\"]')"
    assert "oracle" in browser.js(f"return {row}.innerText")
    browser.js(f"{row}.querySelector('.cell').click()")
    assert "the best of several samples, picked with the truth" in browser.find("#pop").text
    assert browser.logs()[0] == []
