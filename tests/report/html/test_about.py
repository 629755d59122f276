"""What the page says about runs, metrics and tasks."""

from bench.records.keys import digest
from bench.report.columns import KNOWN
from bench.report.html.about import SHORTEST, metric_entries, shortened
from tests.made_run import record


def test_short_names_fit_the_head_of_a_column():
    """All columns have titles, or all have names."""
    assert shortened(["Gaussian blur", "HDR"], ["blur_gauss", "hdr"]) == ["Gaussian blur", "HDR"]
    names = ["blur_gauss", "inpaint_random"]
    assert shortened(["Gaussian blur", "Inpainting (70 % missing)"], names) == [
        "blur gauss",
        "inpaint random",
    ]
    (cut,) = shortened(["x" * 30], ["y" * 30])
    assert len(cut) == SHORTEST and cut.endswith("…")


def test_metrics_say_what_they_are(made):
    entries = {entry["id"]: entry for entry in metric_entries(KNOWN, [])}
    assert (entries["psnr"]["unit"], entries["psnr"]["better"], entries["psnr"]["margin"]) == ("dB", 1, None)
    assert made.document["metrics"][0]["margin"] == 0.1
    assert entries["kid"]["scale"] is None and entries["misfit"]["better"] == 0
    assert all(entry["about"] for entry in entries.values())


def test_facts_and_titles(made):
    meta = made.document["meta"]
    facts = {name: text for name, text, _ in meta["facts"]}
    assert facts["Images"] == "12 of tiny" and facts["Noise"] == "σ = 0.1 in [−1, 1]"
    assert meta["commands"] == ["bench run --suite linear"] and "n = 12" in meta["cite"]
    assert made.document["tasks"][0]["title"] == "Gaussian blur"


def test_few_commits_stand_at_the_top_and_all_in_the_citation(page_of):
    commits = [*(f"{k}" * 40 for k in range(4)), "e" * 40 + "-dirty"]
    found = [record("best", i, key=digest([i]), commit=commit) for i, commit in enumerate(commits)]
    meta = page_of(found).document["meta"]
    (made,) = (small for name, _, small in meta["facts"] if name == "Made")
    assert made.endswith(f"; {'e' * 12}-dirty, {'0' * 12}, {'1' * 12} and 2 more")
    assert all(commit[:12] in meta["cite"] for commit in commits)
