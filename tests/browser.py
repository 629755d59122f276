"""A real browser, headless, for the tests of pages."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.programs import program

OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--window-size=1440,1000", "--force-device-scale-factor=1"),
)
CONTRAST = """
const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = c => { const f = c.map(v => linear(v / 255));
  return .2126 * f[0] + .7152 * f[1] + .0722 * f[2] };
const rgb = s => { const m = s.match(/[\\d.]+/g);
  return m && (m.length < 4 || +m[3] > 0) ? m.slice(0, 3).map(Number) : null };
const low = {};
for (const e of document.querySelectorAll('body *')) {
  const text = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!text || !e.getClientRects().length) continue;
  let p = e, back = null;
  while (p && !(back = rgb(getComputedStyle(p).backgroundColor))) p = p.parentElement;
  const ink = rgb(e.namespaceURI.endsWith('svg') ? getComputedStyle(e).fill : getComputedStyle(e).color);
  if (!ink || !back) continue;
  const [a, b] = [light(ink), light(back)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
  if (ratio < 4.5) low[e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 20)] = ratio.toFixed(2);
}
return low;
"""


class Browser:
    """A page in headless Chromium."""

    def __init__(self) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        for option in OPTIONS:
            options.add_argument(option)
        options.binary_location = str(program("chromium", "chromium-browser", "google-chrome"))
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(str(program("chromedriver"))))

    def open(self, path: Path, fragment: str = "") -> None:
        """Opens a page from disk, which draws itself while it loads."""
        self.logs()
        self.driver.get("about:blank")
        self.driver.get(path.resolve().as_uri() + fragment)
        if not self.js("return document.documentElement.dataset.ready"):
            raise AssertionError(f"the page did not draw: {self.logs()[0]}")

    def js(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, seconds: float = 10) -> Any:
        """What a script returns, once that is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := self.js(script):
                return found
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds} s: {script}")

    def is_so(self, script: str) -> None:
        """Waits until an expression is true."""
        self.wait(f"return {script}")

    def find(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def press(self, *keys: str) -> None:
        """Presses keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def resize(self, width: int, height: int = 1000) -> None:
        """Sets the size of the window."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def logs(self) -> tuple[list[str], set[str]]:
        """What the console said and what was asked for, since the last call."""
        said = [line["message"] for line in self.driver.get_log("browser")]
        asked = set()
        for line in self.driver.get_log("performance"):
            event = json.loads(line["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                asked.add(event["params"]["request"]["url"].partition(",")[0])
        return said, asked


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests of pages."""
    one = Browser()
    yield one
    one.driver.quit()
