"""A made-up file of published numbers, records that fit it, and the page of the two."""

import csv
import io
from dataclasses import replace

import numpy as np

from bench.report.papers.paper import paper_report
from tests.made_run import N, make_run, record

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


class Page(str):
    """A page, with its listing."""

    listing: list[dict[str, str]]


def page_of(tmp_path, text=FILE, found=None, ms=None):
    path = tmp_path / "published.toml"
    path.write_text(text)
    folders = [make_run(tmp_path / "run", found, manifests=[])] if found else []
    return with_listing(paper_report("dps", folders, ms, path))


def with_listing(made):
    page = Page(made.page)
    page.listing = list(csv.DictReader(io.StringIO(made.listing.decode())))
    return page


def line(page, metric="PSNR", method="DPS (1000)"):
    (found,) = [row for row in page.listing if (row["method"], row["metric"]) == (method, metric)]
    return found


def cell(page, metric="PSNR", method="DPS (1000)"):
    """The lines of a cell: ours, theirs, the verdict."""
    lines = [[part.strip() for part in row.strip("|").split("|")] for row in page.splitlines() if "|" in row]
    (titles,) = [row for row in lines if row[0] == "Method"]
    (found,) = [row for row in lines if row[0] == method]
    (place,) = [i for i, title in enumerate(titles) if title.split("\u00a0")[0] == metric]
    return found[place].replace("<sub>", "").replace("</sub>", "").split("<br>")
