"""Trajectories on the page: few steps of each, in the document and in a browser."""

import json

import pytest

from bench.report.trajectories.kept import KeptTrajectories, read
from bench.report.trajectories.page import MOST, entries, size
from tests.browser import CONTRAST
from tests.browser import browser as browser
from tests.made_run import N
from tests.report.html.conftest import rendered


def test_few_steps_stand_for_all(walked):
    _, table, find = walked
    content = entries([table], {table.slug: read(table, find)}, 2)
    own = content["traj"]["blur"]
    assert list(own) == ["best", "worse"] and own["best"]["n"] == N
    assert own["best"]["passes"] == [2, 4, 6, 8, 10, 12, 14, 16]
    assert own["best"]["q"]["psnr"][1][2] == 8.5 and own["best"]["each"]["psnr"][1][:2] == [2.0, 3.0]
    worse = own["worse"]
    assert len(worse["passes"]) <= MOST and worse["passes"][-1] == 200 and len(worse["each"]["psnr"]) == 2
    assert size(content) == len(json.dumps(content, separators=(",", ":")))
    assert entries([table], {table.slug: KeptTrajectories()}, 2) == {"traj": {"blur": {}}}


@pytest.mark.long
@pytest.mark.parametrize("width", [1440, 400])
def test_a_reader_sees_lines_names_and_the_table(walked, tmp_path, browser, width):
    page = rendered(walked[0], tmp_path / "out")
    browser.resize(width)
    browser.open(page.path, "#sel=best&th=dark")
    steps = "document.getElementById('steps')"
    assert browser.js(f"return {steps}.querySelectorAll('svg.plot').length") == 2
    texts = browser.js(f"return [...{steps}.querySelectorAll('svg.plot text')].map(x => x.textContent)")
    assert texts.count("best") == 2 and "worse" not in texts, "only ticked rows have names"
    cells = browser.js(
        f"return [...{steps}.querySelectorAll('tbody tr:first-child > *')].map(x => x.textContent)"
    )
    assert cells == [
        " best",
        "12",
        "16",
        "7.5",
        "9.5",
        "11.5",
        "13.5 10.8–16.3",
        "5.00",
        "2.50",
        "1.67",
        "1.25 1.25–1.25",
    ]
    assert "Without a trajectory: same." in browser.js(f"return {steps}.textContent")
    assert browser.js("return document.querySelectorAll('.vp svg.plot polyline').length") == 1
    browser.find("#mx tr[data-row=worse] input").click()
    browser.is_so(f"[...{steps}.querySelectorAll('svg.plot text')].some(x => x.textContent === 'worse')")
    assert not browser.js("return document.documentElement.scrollWidth > innerWidth")
    assert browser.js(CONTRAST) == {}
    assert browser.logs()[0] == []


@pytest.mark.long
def test_a_page_without_trajectories_has_no_such_part(made_page, browser):
    browser.open(made_page.path)
    assert browser.js("return document.getElementById('steps').hidden") is True
    assert browser.logs()[0] == []


@pytest.fixture
def made_page(tmp_path):
    from tests.made_run import make_run, records

    return rendered(make_run(tmp_path / "run", records()), tmp_path / "out")


def test_damaged_files_are_told(walked, tmp_path):
    folder, table, _ = walked
    for record in table.rows[0].records[:3]:
        path = folder / "objects" / "trajectory" / record.key[:2] / f"{record.key}.npz"
        path.write_bytes(path.read_bytes()[:40])
    told = rendered(folder, tmp_path / "out").document["meta"]["bad"]
    assert told == ["Files of trajectories that cannot be read: 3."]
