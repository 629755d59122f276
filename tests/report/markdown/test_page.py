"""The page around the tables: header, what is missing everywhere, figures."""

from dataclasses import replace

from bench.report import render
from tests.made_run import make_run, records


def test_what_is_missing_is_said_with_its_reason(rendered):
    *_, page, rows = rendered
    assert (
        "Not available: LPIPS (no \\| weights here)." in page
        and "FID, KID x 1000 (no features were kept)" in page
    )
    assert "Skipped: `needy`: Needy needs SVD." in page and rows["needy"]["status"] == "skipped"
    assert "Not run yet: `later`." in page and rows["later"]["status"] == "not run"
    assert "The clock: without noise \\| generation." in page
    assert "0.1 for images in [−1, 1] (0.05 in [0, 1] units)" in page and "`blur_gauss` (std 1)" in page
    assert page.count("https://arxiv.org/abs/2209.14687") == 1
    assert "sha256 abababababab" in page and "bench run --suite linear" in page


def test_a_gpus_page_says_that_there_was_no_tf32(tmp_path):
    """Which decides about the digits of float32 there; on a CPU there is none to speak of."""
    for name, device, dtype, said in [
        ("a", "cuda (A GPU)", "float32", "cuda (A GPU) (1 thread, float32, no TF32)"),
        ("b", "cuda (A GPU)", "bfloat16", "cuda (A GPU) (1 thread, bfloat16, state in float32, no TF32)"),
        ("c", "cpu (A CPU)", "float32", "cpu (A CPU) (1 thread, float32)"),
    ]:
        found = [replace(r, device=device, dtype=dtype) for r in records()]
        page = render(make_run(tmp_path / name, found), tmp_path / f"{name}-report", ["md"])[0].read_text()
        assert f"| Device | {said} |" in page


def test_a_library_stands_once_with_all_its_versions(tmp_path):
    found = []
    for i, record in enumerate(records()):
        found.append(replace(record, versions={"torch": f"2.{1 + i % 2}", "os": "Linux"}))
    page = render(make_run(tmp_path / "run", found), tmp_path / "report", ["md"])[0].read_text()
    assert "| Versions | os Linux, torch 2.1 or 2.2 |" in page
