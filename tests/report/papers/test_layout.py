"""A paper's own table: methods by metrics, ours over theirs, the verdict by sign and word."""

from bench.report.papers.layout import SIGNS
from bench.report.papers.published import load_published
from tests.made_paper import FILE, cell, line, ours, page_of


def test_a_cell_has_ours_over_theirs_and_a_verdict_by_sign_and_word(tmp_path):
    page = page_of(tmp_path, FILE.replace('"25.0 .5"', '"25.0 .7"'), ours())
    assert cell(page)[0].startswith("25.00 \\[") and cell(page)[1:] == ["25.0", "= reproduced 0.00"]
    assert cell(page, "LPIPS")[1:] == [".7", "≠ differs −0.200"]
    assert cell(page, method="DDRM (20)") == ["–", "25.0", "· no records"]
    assert cell(page, method="TV") == ["", "10.0"], "a method that is not ours has no verdict"
    assert page.count("| Method |") == 1 and page.count("| DPS (1000) |") == 1


def test_why_a_number_is_not_compared_and_where_it_was_read_stand_in_its_cell(tmp_path):
    known = 'variants.lpips = "VGG"\nstatuses.psnr = "quoted"\n'
    page = page_of(tmp_path, FILE.replace("rows.tv", f"{known}rows.tv"), ours())
    assert cell(page, "LPIPS")[-1] == "× not comparable (1)" and "- (1) LPIPS: VGG." in page
    assert cell(page)[-1] == "? unverified source 0.00 (quoted)"


def test_the_long_list_is_csv_in_which_nothing_is_a_formula(tmp_path):
    page = page_of(tmp_path, FILE.replace('"TV"', '"=HYPERLINK(1)"').replace('"Table 1"', '"@1"'), ours())
    assert line(page, method="'=HYPERLINK(1)")["source"] == "'@1"
    assert float(line(page, "LPIPS")["difference"]) == 0 and len(page.listing) == 5


def test_each_verdict_has_a_sign_of_its_own():
    assert len(set(SIGNS.values())) == len(SIGNS)


def test_the_page_names_what_the_file_lacks_of_a_papers_tables(tmp_path):
    page = page_of(tmp_path, FILE.replace('id = "2209', 'lacks = ["its table 9"], id = "2209'))
    assert "Of the paper's tables this page lacks its table 9." in page
    assert "super-resolution" in load_published().papers["red-diff"].lacks[0]
