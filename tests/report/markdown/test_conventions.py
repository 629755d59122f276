"""How to read the numbers of a page."""

from bench.report.columns import Column
from bench.report.markdown.conventions import conventions, metric_notes, operator_table
from tests.made_run import manifest

FLOWERS = {"n": 50, "dataset": "flowers", "list": "ab" * 32}
TASK = {"name": "blur", "sigma": 0.1, "operator": "blur_gauss"}


def test_each_kind_of_run_says_what_its_sets_are_compared_with():
    """Once, however many runs there are of a kind."""
    against_truths = manifest()
    against_flowers = manifest(sets={"mode": "legacy_pytorch", "reference": FLOWERS})
    page = conventions([], [against_flowers, against_truths, against_flowers])[1]
    assert page.count("with the true images of the same row") == 1
    assert page.count("the 50 images of flowers (list abababababab)") == 1
    assert "with the true images of the same row" in conventions([], [])[1]
    assert "with the true images" not in conventions([], [against_flowers])[1]


def test_every_clock_is_described():
    runs = [manifest(seconds=text) for text in ("with noise.", "without noise", "with noise.")]
    page = conventions([], runs, ["More."])[1]
    assert "interval over batches. The clock: with noise. The clock: without noise.\n- More.\n- n:" in page


def test_metrics_without_a_note_are_left_out():
    columns = [Column("PSNR", 2, True, "dB.", name="psnr"), Column("SSIM", 3, True, name="ssim")]
    assert metric_notes(columns) == ["PSNR: dB."]


def test_operators_are_described_where_a_manifest_does():
    """Manifests of early versions give no conventions, and then not even a noise level."""
    assert operator_table([manifest(tasks=[{"name": "blur"}])]) == []
    told = TASK | {"conventions": {"edges": "reflected"}}
    table = operator_table([manifest(tasks=[told, TASK | {"name": "box"}]), manifest(tasks=[told])])[1]
    assert table.splitlines()[2:] == [
        "| blur | 0.1 | 0.05 | `blur_gauss` | edges: reflected |",
        "| box | 0.1 | 0.05 | `blur_gauss` | – |",
    ]
