"""`report` and `verify`: where reports go, and what is said where there is nothing to report on."""

from bench.cli.results import KINDS, run_folder
from bench.report import figures
from tests.commands import bench, run_tiny
from tests.made_run import make_run, records


def test_run_and_report_agree_on_the_folder_of_a_suite_file(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suite = tiny / "tiny.yaml"
    done = bench(
        "run", "--suite", suite, "--task", "box", "--solver", "pinv", "--progress", "none", "--no-report"
    )
    assert done.exit_code == 0, done.stderr
    for name in (suite, "tiny"):
        assert bench("report", "--suite", name).stdout.strip() == "results/tiny/report/report.md"


def test_the_page_alone_and_after_every_run(tiny, tmp_path):
    done = run_tiny(tiny, tmp_path, "--solver", "pinv", "--images", 2)
    pages = [tmp_path / "report" / name for name in ("report.md", "report.html")]
    assert done.stdout.splitlines()[-1] == f"report: {pages[0]} and {pages[1]}"
    assert all(page.is_file() for page in pages)
    done = bench("report", "--from", tmp_path, "--html", "--out", tmp_path / "page")
    assert done.stdout.strip() == f"{tmp_path / 'page' / 'report.html'}"
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["report.html"]
    assert bench("report", "--from", tmp_path, "--html", "--paper", "dps").exit_code == 2


def test_figures_in_the_formats_that_are_asked_for(tiny, tmp_path):
    run_tiny(tiny, tmp_path, "--solver", "pinv", "--solver", "ddrm", "--images", 2, "--no-report")
    done = bench("report", "--from", tmp_path, "--figures", "svg, pdf", "--out", tmp_path / "out")
    kinds = {path.suffix for path in (tmp_path / "out").iterdir()}
    assert done.exit_code == 0 and kinds == {".md", ".csv", ".svg", ".pdf"}
    assert KINDS == figures.KINDS, "the command line names them without an import of matplotlib"
    for wrong in (("gif",), ("",), ("svg", "--html"), ("svg", "--latex"), ("svg", "--paper", "dps")):
        done = bench("report", "--from", tmp_path, "--figures", *wrong)
        assert done.exit_code == 2 and "--figures" in done.output


def test_reports_without_records(tmp_path):
    for args, code in (([], 2), (["--from", tmp_path], 1), (["--from", tmp_path / "absent"], 1)):
        assert bench("report", *args).exit_code == code


def test_what_a_report_cannot_show_is_refused_as_in_every_verb(tmp_path):
    """2: the request does not make sense; 1: there is nothing to read."""
    make_run(tmp_path / "run", records())
    for option, value in (
        ("--task", "zoom"),
        ("--solver", "nobody"),
        ("--solver", "best.zeta=1"),
        ("--columns", "psnt"),
        ("--precision", "psnr"),
        ("--sort", ""),
        ("--ms-per-nfe", "30"),
    ):
        done = bench("report", tmp_path / "run", option, value)
        assert done.exit_code == 2 and option in done.stderr, option


def test_the_folder_of_a_suite_that_is_gone(tiny):
    assert str(run_folder("gone")) == "results/gone"
    assert str(run_folder(str(tiny / "tiny.yaml"))) == "results/tiny"


def test_verify_says_what_it_made_again_and_what_was_left_out(tiny, tmp_path):
    rows = ("--solver", "pinv", "--solver", "ddrm")
    assert run_tiny(tiny, tmp_path, *rows, "--images", 2, "--no-report").exit_code == 0
    done = bench("verify", tmp_path, "--solver", "ddrm", "--images", 1, "--progress", "none")
    assert done.exit_code == 0, done.output
    *_, left_out, verdict = done.stdout.splitlines()
    assert left_out == "not compared: 1 recorded row that --suite, --task and --solver leave out"
    assert verdict == "1 reconstruction of 1 row made again, all reproduced"
    (journal,) = (tmp_path / "journal").glob("*.jsonl")
    journal.unlink()
    gone = bench("verify", tmp_path)
    assert gone.exit_code == 1 and gone.stderr == f"error: {tmp_path} is no run folder: it has no records\n"
