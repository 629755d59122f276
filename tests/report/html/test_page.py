"""The page in a real browser: what a reader does with mouse and keys, and what hostile names cannot do."""

import base64
import hashlib
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.report import render
from bench.report.html.page import embedded, policy
from tests import ROOT
from tests.browser import CONTRAST
from tests.made_exact import exact_row
from tests.made_run import N, asked, make_run, record, records
from tests.ours import CARDS
from tests.report.html.conftest import EVIL

ROWS = "[...document.querySelectorAll('#mx tr[data-row]')].map(x => x.dataset.row)"
CAPTION = "document.querySelector('.cap').textContent"


@pytest.fixture(scope="module")
def rows():
    """The rows of the committed report of suite linear, with the best of several samples."""
    return pd.read_csv(ROOT / "reports" / "linear" / "tables.csv")


def sha(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_json_cannot_leave_its_element():
    text = embedded({"a": f"{EVIL}\u2028"})
    assert "<" not in text and "\u2028" not in text


def test_the_policy_names_what_is_in_the_page(linear):
    (style,) = re.findall(r"(?m)^<style>(.*?)^</style>", linear.text, re.DOTALL)
    (script,) = re.findall(r"(?m)^<script>(.*?)^</script>", linear.text, re.DOTALL)
    (said,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', linear.text)
    assert said.replace("&#39;", "'") == policy(style, script, with_files=False)
    assert sha(style) in said.replace("&#39;", "'") and "default-src &#39;none&#39;" in said


def test_nothing_in_the_page_is_an_address_or_a_path_of_the_machine(linear):
    from pathlib import Path

    addresses = set(re.findall(r"https?://[\w./-]*", linear.text))
    papers = {card.paper for card in CARDS.values()}  # links to be pressed; most are arXiv's
    allowed = {"https://arxiv.org/abs/", "https://doi.org/", "http://www.w3.org/2000/svg"}
    assert addresses <= allowed | papers and str(Path.home()) not in linear.text


class TestReader:
    """What a reader does with the page of committed records."""

    pytestmark = pytest.mark.long

    @pytest.fixture
    def page(self, browser, linear):
        browser.resize(1440)
        browser.open(linear.path)
        yield browser
        said, asked_for = browser.logs()
        assert said == []
        assert {address.split(":")[0] for address in asked_for} <= {"file", "data", "about"}
        assert {a for a in asked_for if a.startswith("file")} <= {linear.path.resolve().as_uri() + ""} | {
            a for a in asked_for if a.startswith(linear.path.resolve().as_uri() + "#")
        }

    def test_sort(self, page, rows):
        page.find("[data-sort=blur_gauss]").click()
        ranked = rows[(rows.task == "blur_gauss") & (rows.ranked == True)]  # noqa: E712
        best = ranked.sort_values("psnr", ascending=False).row[:2]
        assert page.js(f"return {ROWS}")[:2] == list(best)
        assert page.js("return document.activeElement.dataset.sort") == "blur_gauss"
        page.is_so("location.hash.includes('s=blur_gauss')")
        page.find("[data-sort=blur_gauss]").click()
        assert page.js(f"return {ROWS}")[0] == "mcg-100"
        states = "[...document.querySelectorAll('#mx [aria-sort]')].map(x => x.ariaSort)"
        assert page.js(f"return {states}") == ["descending"]

    def test_filter_and_budget(self, page, rows):
        box = page.find("#filter")
        box.send_keys("ddr* !100")
        assert page.js(f"return {ROWS}") == ["ddrm-20"]
        assert page.js("return document.activeElement.id") == "filter"
        assert f"1 of {rows.row.nunique()} rows shown" in page.find("#mxfoot").text
        box.clear()
        page.js(
            "const c = document.getElementById('cap'); c.value = '100'; c.dispatchEvent(new Event('change'))"
        )
        page.js(
            "const f = document.getElementById('filter'); f.value = ''; f.dispatchEvent(new Event('input'))"
        )
        shown = page.js(f"return {ROWS}")
        assert "dps-100" not in shown and "ddrm-100" in shown

    def test_metric(self, page, linear):
        page.js("document.querySelector('#matrix input[value=lpips]').click()")
        page.is_so("location.hash.includes('m=lpips')")
        parts = linear.document["meta"]["says"]["lpips"]
        said = "".join(part if isinstance(part, str) else part["row"] for part in parts)
        assert page.find("#sum").text == said
        page.js("document.querySelector('#matrix input[value=misfit]').click()")
        assert "neither direction" in page.find("#says").text

    def test_flip(self, page, linear):
        page.open(linear.path, "#t=blur_gauss&i=2&sel=diffpir-100,mcg-100,dps-100")
        page.js("document.getElementById('viewer').scrollIntoView()")
        page.is_so(f"{CAPTION}.includes('diffpir-100')")
        page.find("#stage").click()
        for key, shown in (
            ("2", "mcg"),
            ("3", "dps"),
            (" ", "mcg"),
            (" ", "dps"),
            ("t", "Truth"),
            ("y", "Meas"),
        ):
            page.press(key)
            page.is_so(f"{CAPTION}.includes('{shown}')")
        page.press("1", "e")
        page.is_so(f"{CAPTION}.includes('error')")
        page.press("d")
        page.is_so(f"{CAPTION}.includes('−')")
        page.press("+", "+")
        page.is_so("location.hash.includes('z=2.25')")
        page.press("2", "\ue014")
        page.is_so("location.hash.includes('i=3') && location.hash.includes('z=2.25')")
        page.press("s")
        page.is_so("!document.querySelector('.split').hidden && document.activeElement.id === 'stage'")

    def test_pixel_values(self, page):
        page.is_so("document.querySelectorAll('[data-px]').length > 3")
        page.js(
            "const s = document.getElementById('stage'), r = s.getBoundingClientRect();"
            "s.dispatchEvent(new PointerEvent('pointermove',"
            "{clientX: r.left + r.width / 2, clientY: r.top + r.height / 2, bubbles: true}))"
        )
        known = "x => x.dataset.px === '@y' ? x.textContent === 'not measured' : /^\\d+$/.test(x.textContent)"
        page.is_so(f"[...document.querySelectorAll('[data-px]')].every({known})")

    def test_slider_divides_two_rows(self, page, linear):
        page.open(linear.path, "#mode=slide&v=dps-100&w=@truth")
        page.is_so("document.querySelector('.cap2').textContent.includes('Truth')")
        before = page.js("return document.querySelector('.stage canvas').toDataURL()")
        page.js(
            "const s = document.querySelector('.split'); s.value = 100; s.dispatchEvent(new Event('input'))"
        )
        page.is_so(f"document.querySelector('.stage canvas').toDataURL() !== '{before}'")

    def test_a_link_shows_the_same_view(self, page, linear):
        link = (
            "#m=ssim&s=name.r&t=sr_average4&a=dps-100&c=mcg-100&i=4&v=mcg-100&mode=grid&e=1&g=4&ps=c&th=dark"
        )
        page.open(linear.path, link)
        page.find("[data-ps=a]").click()
        page.is_so("location.hash.includes('ps=a')")
        page.find("[data-ps=c]").click()
        page.is_so("location.hash.includes('ps=c')")
        pairs = dict(pair.split("=") for pair in link[1:].split("&"))
        written = page.js("return Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")
        assert pairs.items() <= written.items()
        assert page.js("return document.documentElement.dataset.theme") == "dark"

    @pytest.mark.parametrize(
        "fragment",
        [
            "#m=<script>alert(1)</script>&t=__proto__&sel=constructor,x,%3Cimg%20src=x%3E&i=1e9&a=toString",
            "#z=NaN,1&s=%22%3E%3Cb%3E&ps=constructor&k=9&e=7&v=@mask&cap=-1&th=x&mode=x&sel=%E0%A4%A",
        ],
    )
    def test_a_hostile_link_gives_a_sound_page(self, page, linear, rows, fragment):
        page.open(linear.path, fragment)
        assert len(page.js(f"return {ROWS}")) == rows.row.nunique()
        assert page.js("return document.querySelectorAll('main script, main img, main b b').length") == 0

    def test_a_blank_says_why_and_keys_walk_the_grid(self, page):
        cell = page.find("[data-r=ddrm-20][data-t=blur_motion]")
        page.js("arguments[0].scrollIntoView({block: 'center'})", cell)
        cell.click()
        page.is_so("document.getElementById('pop').matches(':popover-open')")
        assert "SVDOperator" in page.find("#pop").text
        page.press("\ue00c")
        page.is_so("document.activeElement.dataset.r === 'ddrm-20'")
        page.press("\ue012")
        page.is_so("document.activeElement.dataset.t === 'blur_gauss'")
        page.press("\ue007")
        page.is_so("document.getElementById('pop').matches(':popover-open')")
        for word in (
            "Rank",
            "To the best",
            "simultaneous",
            "64 solved",
            "Passes",
            "Certificate",
            "arXiv:",
            "--task",
        ):
            assert word in page.find("#pop").text

    def test_every_image_sorted_by_difference(self, page):
        cells = "[...document.querySelectorAll('.pt tbody td:nth-child(4)')]"
        values = f"{cells}.map(x => parseFloat(x.textContent.replace('\\u2212', '-')))"
        found = page.js(f"return {values}")
        assert len(found) == 64 and found == sorted(found, reverse=True)
        page.find("[data-ps=d]").click()
        assert page.js(f"return {values}") == sorted(found)

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_contrast(self, page, linear, theme):
        page.open(linear.path, f"#th={theme}")
        page.is_so("document.querySelectorAll('[data-px]').length > 3")
        assert page.js(CONTRAST) == {}

    @pytest.mark.parametrize("width", [400, 3840])
    def test_no_width_needs_scrolling_sideways(self, page, linear, width):
        page.resize(width)
        page.open(linear.path)
        assert page.js("return document.documentElement.scrollWidth - innerWidth") <= 0

    def test_print(self, page):
        made = page.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
        assert base64.b64decode(made["data"]).startswith(b"%PDF")


class TestOddRuns:
    """Pages of runs that have little, or bad names."""

    pytestmark = pytest.mark.long

    def check(self, browser, page, *said):
        for fragment in ("", "#mode=grid&e=1", "#mode=slide&e=2", "#m=misfit", "#m=lpips"):
            browser.open(page.path, fragment)
            browser.js("document.querySelector('.cell')?.click()")
            log, asked_for = browser.logs()
            assert log == [] and len([a for a in asked_for if a.startswith("file")]) == 1
            bad = "main script, main img, main b b, svg[onload], [href^=javascript]"
            assert browser.js(f"return document.querySelectorAll('{bad}').length") == 0
        text = browser.js("return document.body.textContent")
        for word in said:
            assert word in text

    def test_failures_and_rows_that_are_not_there(self, browser, made):
        self.check(browser, made, "10/12", "does not apply", "not run yet", "2 reconstructions failed")

    def test_names_stay_text(self, browser, page_of):
        found = [
            replace(r, label=EVIL, preset="<b>p</b>", paper="javascript:alert(1)") for r in records()[:N]
        ]
        run = asked(rows=(), title="<script>alert(1)</script>")
        run["tasks"] = [{"name": "blur", "title": "<svg onload=alert(1)>"}]
        self.check(browser, page_of([*found, *records()[N:]], manifests=[run]), EVIL, "<svg onload=alert(1)>")

    def test_one_row(self, browser, page_of):
        page = page_of([record("best", i) for i in range(N)])
        self.check(browser, page, "Only best can be ranked", "Nothing to show", "Nothing to draw")

    def test_only_budgets_of_a_method_are_joined(self, browser, page_of):
        """Not a row of another strength, whose steps lie between."""
        rows = {
            "best": {"steps": 9, "eta": 1.0},
            "same": {"steps": 5, "eta": 0.5},
            "worse": {"eta": 1.0, "steps": 3},
        }
        found = []
        for row, params in rows.items():
            found += [
                replace(record(row, i), solver="dps", params=params, nfe=params["steps"]) for i in range(N)
            ]
        page = page_of(found)
        self.check(browser, page, "rows that differ in their number of steps alone")
        browser.open(page.path)
        points = "[...document.querySelectorAll('#cost polyline')].map(x => x.points.numberOfItems)"
        assert browser.js(f"return {points}") == [2]

    def test_all_failed(self, browser, page_of):
        broken = {"status": "out_of_memory", "reason": "24 GB wanted", "metrics": {}, "seconds": None}
        page = page_of([replace(r, **broken) for r in records()])
        self.check(browser, page, "out of memory", "No row has a number")

    def test_no_pictures_and_few_images(self, browser, page_of):
        page = page_of(
            [record(row, i) for row in ("best", "same") for i in range(3)], pictures=0, manifests=[asked(n=3)]
        )
        self.check(browser, page, "No pictures were kept", "it takes at least 6 images")

    def test_infinite_scores(self, browser, page_of):
        found = [r if r.label != "best" else replace(r, metrics={"psnr": float("inf")}) for r in records()]
        self.check(browser, page_of(found), "∞")

    def test_exact_suites(self, browser, page_of):
        found = [r for row in ("exact", "dps", "mcg") for r in exact_row(row, mmd=1.0 + len(row))]
        page = page_of(found, pictures=0, manifests=[])
        self.check(browser, page, "not told apart from exact samples", "Two rows, problem by problem")

    def test_on_exact_suites_shaded_is_what_markdown_has_in_bold(self, browser, tmp_path):
        levels = {"exact": 1.0, "near": 1.0001, "dps": 1.05, "mcg": 9.0}
        found = [r for row, level in levels.items() for r in exact_row(row, problems=12, mmd=level)]
        mmd = {"label": "MMD", "format": ".3f", "higher_is_better": False, "scale": 1.0, "note": ""}
        run = asked(rows=(), suite="exact", metrics={"mmd": mmd}, tasks=[])
        render(make_run(tmp_path / "run", found, pictures=0, manifests=[run]), tmp_path, ["md", "html"])
        browser.open(tmp_path / "report.html", "#m=mmd")
        best = "[...document.querySelectorAll('td.best')]"
        shaded = browser.js(f"return {best}.map(x => x.closest('tr').dataset.row)")
        bold = re.findall(r"(?m)^\| (\w+).*?\| \*\*1", (tmp_path / "report.md").read_text())
        assert set(shaded) == set(bold) and "near" in shaded and "mcg" not in shaded
        rows = "[...document.querySelectorAll('#mx tr[data-row]')]"
        pairs = f"{rows}.map(x => [x.dataset.row, x.querySelector('.r').textContent])"
        marks = f"Object.fromEntries({pairs})"
        assert browser.js(f"return {marks}") == {"near": "≈ 1", "mcg": "w", "dps": "≈ w", "exact": ""}
        assert "equivalent to exact samples (≈): dps. Nearest: near≈." in browser.find("#sum").text

    def test_zero_has_no_sign(self, browser, page_of):
        found = [replace(r, metrics={"psnr": -0.001}) for r in records()[:N]]
        browser.open(page_of(found).path)
        text = browser.js("return document.body.textContent")
        assert "0.00" in text and not re.search(r"[−-]0\.0+(?!\d)", text)

    def test_larger_pictures_come_from_beside_the_page(self, browser, page_of, monkeypatch):
        import tests.made_run

        monkeypatch.setattr(tests.made_run, "SIDE", 96)
        page = page_of(records())
        browser.open(page.path)
        browser.find("#large").click()
        browser.is_so("!document.getElementById('large')")
        browser.js("document.getElementById('stage').scrollIntoView()")
        browser.is_so("document.querySelector('.film canvas').width === 96")
        said, asked_for = browser.logs()
        beside = [address for address in asked_for if address.endswith("/report.pics/blur.js")]
        assert said == [] and len(beside) == 1

    def test_what_was_not_measured_is_no_pixel_value(self, browser, page_of, tmp_path):
        page = page_of(
            [record("best", i) for i in range(N)], masks={i: np.tril(np.ones((4, 4), bool)) for i in (0, 1)}
        )
        browser.open(page.path, "#v=@y")
        browser.is_so("document.querySelectorAll('[data-px]').length > 2")
        for share, said in ((0.1, "not measured"), (0.9, None)):
            browser.js(
                "const s = document.getElementById('stage'), r = s.getBoundingClientRect();"
                "const m = Math.min(r.width, r.height);"
                "s.dispatchEvent(new PointerEvent('pointermove', {clientX: r.left + (r.width + m) / 2 - 4,"
                "clientY: r.top + (r.height - m) / 2 + m * arguments[0], bubbles: true}))",
                share,
            )
            found = browser.js("return document.querySelector('[data-px=\"@y\"]').textContent")
            assert found == said if said else found.isdigit()

    def test_samples_of_one_y(self, browser, page_of):
        found = [record("best", i, sample=k, key=f"{k}{i}{'a' * 62}") for i in range(N) for k in range(3)]
        page = page_of([*found, *(r for r in records() if r.label == "worse")])
        browser.open(page.path, "#v=best")
        browser.is_so("document.querySelectorAll('.steps input').length === 5")
        browser.find("#stage").click()
        for said in ("sample 2", "sample 3", "mean of 3 samples", "spread of 3 samples"):
            browser.press("n")
            browser.is_so(f"{CAPTION}.includes('{said}')")
        assert "standard deviation" in browser.find(".legend").text
