"""The document: complete, and the same for the same records."""

from bench.report import render


def test_every_row_has_a_cell_on_every_task_and_a_blank_says_why(linear):
    found = linear.document
    rows = {row["id"] for row in found["rows"]}
    for task in found["tasks"]:
        cells = found["cells"][task["id"]]
        assert cells.keys() == rows
        assert all(cell["why"] for cell in cells.values() if cell["s"] != "ok")
        for metric in found["metrics"]:
            assert task["says"][metric["id"]]
            for cell in cells.values():
                assert cell["s"] != "ok" or metric["id"] in cell["m"] or cell["no"][metric["id"]]


def test_ranked_rows_are_those_of_families(made):
    ranked = {row["id"] for row in made.document["rows"] if row["ranked"]}
    assert ranked == {"best", "same", "worse"} == set(made.document["fam"]["blur"]["psnr"]["rows"])


def test_equal_records_give_equal_bytes(made):
    again = made.path.parent.parent / "again"
    render(made.path.parent.parent / "run", again, ["html"])
    assert (again / "report.html").read_bytes() == made.path.read_bytes()
