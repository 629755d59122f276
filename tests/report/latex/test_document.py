"""The LaTeX files, up to a PDF by a real engine."""

import re
import subprocess
from dataclasses import replace

import pytest

from bench.report import render
from bench.report.selection.choice import make_choice
from tests.made_run import asked, cell_of, make_run, records
from tests.programs import program

HOSTILE = r"\input{/etc/passwd} $^_&%#~{} [b] *--- ``x'' 中 <σ> \write18{touch pwned}"


def run(folder):
    """Two tasks; one row has a label and a citation that are hostile."""
    found = [*records(), *records("zoom")]
    found = [replace(r, label=HOSTILE, cell=f"{r.cell}h") if r.solver == "same" else r for r in found]
    manifest = asked(tasks=[{"name": "blur", "title": HOSTILE}, {"name": "zoom", "title": "Zoom"}])
    evil = {"label": "best", "kind": "method", "title": HOSTILE, "paper": "2209.14687"}
    evil |= {"bibtex": r"@misc{k, title = {\input{/etc/passwd}}}", "cells": {"blur": cell_of("best")}}
    rows = [row for row in manifest["rows"] if row["label"] not in {"best", "same"}]
    return make_run(folder, found, manifests=[manifest | {"rows": [evil, *rows]}])


def test_a_fragment_has_the_columns_order_and_digits_that_are_asked_for(tmp_path):
    choice = make_choice(columns="misfit,psnr", precision="psnr:0", sort="psnr")
    files = render(run(tmp_path / "run"), tmp_path, ("tex",), choice)
    assert [path.name for path in files] == ["tables.tex", "references.bib", "standalone.tex"]
    text = files[0].read_text()
    body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0].strip().splitlines()
    assert text.count(r"\begin{table}") == 1 and text.count(r"misfit & PSNR~$\uparrow$") == 2
    assert [line.split()[0].rstrip("~") for line in body][1].startswith("best")
    assert r"best~\cite{2209-14687-2} & 1.00 & \textbf{" in text
    assert "intervals" not in text
    assert "." not in body[1].split(r"\textbf{")[1].split("}")[0]


def test_all_tables_of_a_task_have_the_order_that_is_asked_for(tmp_path):
    """Also those that have no room for the metric by which they are ordered."""
    metrics = ["psnr", *(f"m{i}" for i in range(8))]
    found = [replace(r, metrics=dict.fromkeys(metrics, r.metrics.get("psnr"))) for r in records()]
    make_run(tmp_path / "run", found, manifests=[])
    text = render(tmp_path / "run", tmp_path, ("tex",), make_choice(sort="psnr"))[0].read_text()
    orders = []
    for body in text.split(r"\midrule")[1:]:
        lines = body.partition(r"\bottomrule")[0].strip().splitlines()
        orders.append([re.match(r"(?:\\textit\{)?(\w+)", line)[1] for line in lines])
    assert orders == [["fails", "best", "same", "worse", "pinv"]] * 2


def test_a_caption_says_the_noise_and_what_solvers_are_told(tmp_path):
    poisson = {"sigma": None, "noise": {"kind": "poisson", "rate": 10.0}}
    told = {"told": {"sigma": 0.05}}
    found = [*(replace(r, **told) for r in records()), *(replace(r, **poisson) for r in records("zoom"))]
    make_run(tmp_path / "run", found, manifests=[])
    text = render(tmp_path / "run", tmp_path, ("tex",))[0].read_text()
    assert r"blur: $\sigma$ = 0.1 (solvers are told $\sigma$ = 0.05), 12 images" in text
    assert "zoom: Poisson noise (rate 10), 12 images" in text


def test_backward_passes_stand_behind_evaluations_and_the_caption_says_so(tmp_path):
    """Of the made run one row has them; without it nothing is said of them."""
    make_run(tmp_path / "run", records(), manifests=[])
    text = render(tmp_path / "run", tmp_path, ("tex",))[0].read_text()
    counts = dict(
        re.findall(r"^(?:\\textit\{)?(\w+).* & ([^&]*) \\\\$", text.partition(r"\midrule")[2], re.M)
    )
    assert counts == {"best": "20 + 20", "same": "20", "worse": "20", "fails": "20", "pinv": "0"}
    assert "1]. NFE: network evaluations + backward passes through the network, per image.}" in text
    make_run(tmp_path / "forward", [r for r in records() if r.label != "best"], manifests=[])
    text = render(tmp_path / "forward", tmp_path / "out", ("tex",))[0].read_text()
    assert "& 20 \\\\" in text and "backward" not in text


@pytest.mark.long
def test_a_real_engine_compiles_what_is_hostile(tmp_path):
    latex, bibtex = program("pdflatex"), program("bibtex")
    render(run(tmp_path / "run"), tmp_path, ("tex",), make_choice(intervals=True))
    place = tmp_path / "latex"
    command = [latex, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "standalone"]
    for step in (command, [bibtex, "standalone"], command, command):
        done = subprocess.run(step, cwd=place, capture_output=True, text=True, errors="replace", timeout=300)
        assert done.returncode == 0, done.stdout[-2000:]
    log = (place / "standalone.log").read_text(errors="replace")
    assert "undefined" not in log.lower() and "Missing character" not in log
    assert "intervals over at least 6 images" in (place / "tables.tex").read_text()
    assert (place / "standalone.pdf").read_bytes().startswith(b"%PDF") and "root:" not in log
    assert not (place / "pwned").exists()
