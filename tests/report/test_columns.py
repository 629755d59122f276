"""Which columns a report has, and how they are printed."""

from dataclasses import replace

from bench.report.columns import CONVENTIONS, KNOWN, columns_of
from bench.report.tables import build
from tests.made_run import manifest, record, records


def test_the_report_and_the_harness_agree_on_metrics():
    from bench.metrics.table import METRICS

    ours = {column.name: (column.label, column.decimals, column.better, column.scale) for column in KNOWN}
    theirs = {name: (m.label, m.decimals, m.better, m.scale) for name, m in METRICS.items()}
    assert ours == theirs


def test_a_manifest_says_how_a_metric_is_printed():
    """And in what order; what it leaves out, or says in a way that is not known, is the default."""
    told = {
        "odd": {"label": "Odd", "format": ".1f", "higher_is_better": True, "note": "dB", "scale": 10},
        "psnr": {"format": "0.5g"},
    }
    table = build(records(), [])
    columns = columns_of(table, [manifest(metrics=told)])
    assert [column.name for column in columns] == ["odd", "psnr", "lpips", "fid", "kid", "misfit"]
    assert columns[0].show(-2.0) == "−20.0" and columns[0].better == 1 and columns[0].note == "dB"
    assert columns[1] == replace(KNOWN[0], note=CONVENTIONS["psnr"])
    assert columns_of(table, [])[0].name == "psnr"


def test_the_misfit_is_told_for_other_noise_than_gaussian_too():
    """There is no sigma in Poisson noise. Manifests tell the first formula alone."""
    from bench.metrics.table import METRICS

    told = manifest(metrics={"misfit": {"note": METRICS["misfit"].note}})
    [note] = [column.note for column in columns_of(build(records(), []), [told]) if column.name == "misfit"]
    assert note.startswith("||A x - y|| / (sigma sqrt(m)) over the m measured entries; 1 is the noise")
    assert note.endswith(
        "the formula is for Gaussian noise, for other noise it is ||y - E y|| / sqrt(E ||y - E y||^2)"
    )


def test_a_metric_that_nobody_knows_has_no_direction():
    found = [replace(record("best", 0), metrics={"mine": 1.0}, unavailable={"other": "no"})]
    columns = columns_of(build(found, []), [])
    assert [column.name for column in columns] == ["fid", "kid", "mine", "other"]
    assert columns[2].label == "mine" and columns[2].better == 0 and columns[2].show(0.5, "+") == "+0.500"
