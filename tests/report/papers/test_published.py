"""The file of published numbers: its mistakes are named, and its names are known."""

import pytest

from bench.operators import OPERATORS
from bench.priors.cards import read_card
from bench.report.papers.published import METRICS, PrintedNumber, PublishedError, load_published
from tests.made_paper import FILE
from tests.ours import SOLVERS

PUBLISHED = load_published()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("= {title", "= title", "cannot read"),
        ('status = "verbatim"', 'status = "sure"', "Table 1: Blur: status: Input should be 'verbatim'"),
        ('status = "verbatim"', 'statu = "verbatim"', "Table 1: Blur: "),
        ("[0,1]", "[0,255]", "Table 1: Blur: sigma_unit: "),
        ('sigma_unit = "[0,1]"\n', "", "Table 1: Blur: sigma needs a sigma_unit"),
        (
            'dataset = "tiny"\n',
            "",
            "Table 1: Blur: give either the dataset, or in images what is known of them",
        ),
        ('"25.0 .5"', '"25.0"', "Table 1: Blur: row 'dps-1000': 2 numbers or '-' expected"),
        ('"25.0 .5"', '"25,0 .5"', "row 'dps-1000': 2 numbers or '-' expected (could not convert"),
        (
            'preset.dps = "paper"',
            'statuses.dsp-1000 = "quoted"',
            "Table 1: Blur: unknown row or metric 'dsp-1000' (did you mean 'dps-1000'?)",
        ),
        ('"psnr", "lpips"', '"psnr", "lpisp"', "unknown metric 'lpisp' (did you mean 'lpips'?)"),
        ("rows.ddrm-20", "rows.dddrm-20", "Table 1: Blur: unknown row 'dddrm-20' (did you mean 'ddrm-20'?)"),
        ('paper = "dps"', 'paper = "dsp"', "Table 1: Blur: unknown paper 'dsp' (did you mean 'dps'?)"),
        ('prior = "net"', 'prior = "nte"', "unknown prior 'nte' (did you mean 'net'?)"),
        ("tflop = 1.0", "tflop = 0", "priors.net: tflop: Input should be greater than 0"),
        ("tflop = 1.0", "", "Table 1: Blur: prior 'net' has no tflop, which the plan needs"),
        ('task = "blur"\n', "", "Table 1: Blur: suite and task come together"),
        ("[others]\ntv", "[priorz]\ntv", "unknown section 'priorz'"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, old, new, message):
    path = tmp_path / "published.toml"
    assert old in FILE
    path.write_text(FILE.replace(old, new))
    with pytest.raises(PublishedError) as error:
        load_published(path)
    assert (
        str(path) in str(error.value)
        and message in str(error.value)
        and len(str(error.value).splitlines()) == 1
    )


def test_every_published_number_is_about_something_that_we_know():
    for entry in PUBLISHED.entries:
        assert entry.operator in OPERATORS and set(entry.metrics) <= METRICS.keys(), entry.title
        assert {PUBLISHED.method(row)[0] or row for row in entry.rows} <= {*SOLVERS, *PUBLISHED.others}
        assert (entry.status == "verbatim") <= (entry.source.startswith(("DPS", "DiffPIR"))), (
            "those whose text was found"
        )
    assert {entry.paper for entry in PUBLISHED.entries} == set(PUBLISHED.papers)


def test_quoted_copies_agree_and_no_table_mixes_two_versions():
    """Numbers that are called verbatim or quoted have the same digits wherever the file has them."""
    found: dict[tuple, set[float]] = {}
    for entry in PUBLISHED.entries:
        for row in entry.rows:
            for metric, number in entry.numbers(row).items():
                if entry.status_of(row, metric) in {"verbatim", "quoted"}:
                    place = (entry.paper, entry.operator, str(entry.params), entry.prior, entry.noise_std)
                    found.setdefault((*place, row, metric), set()).add(number.value)
    assert [key for key, values in found.items() if len(values) > 1] == []


def test_noise_of_unstated_units_is_not_given_one():
    """DiffPIR's 0.05 is twice that of DPS: a table that quotes both is not one problem."""
    for entry in PUBLISHED.entries:
        assert (entry.sigma is None) or not any("not stated" in text for text in entry.caveats), entry.source
    printed = {entry.rows.get("diffpir-100") for entry in PUBLISHED.of("daps") if entry.noise_std == 0.05}
    assert printed == {None}


def test_weights_of_published_networks_are_those_of_our_cards():
    known = {name: prior.sha256 for name, prior in PUBLISHED.priors.items() if prior.tflop}
    assert known == {name: read_card(name)[0].sha256 for name in known}


def test_where_the_code_of_a_paper_is_known_to_be_another_it_is_refused():
    """DPS divides its step by a norm with the noise of unmeasured pixels in it, 3.5 times as long at 92 %
    missing."""
    for entry in PUBLISHED.of("dps"):
        assert ("dps-1000" in entry.rows_differ) == (
            entry.operator in {"inpaint_box", "inpaint_random", "phase_retrieval"}
        )


def test_a_printed_number_is_known_to_half_its_last_digit(tmp_path):
    path = tmp_path / "published.toml"
    path.write_text(FILE)
    [entry] = load_published(path).of("dps")
    assert entry.printed("dps-1000") == {"psnr": "25.0", "lpips": ".5"}
    assert entry.numbers("dps-1000") == {"psnr": PrintedNumber(25.0, 0.05), "lpips": PrintedNumber(0.5, 0.05)}
    assert entry.numbers("tv") == {"psnr": PrintedNumber(10.0, 0.05)}, "an empty place is no number"
    assert entry.noise_std == 0.1, "sigma is on [0, 1] there"
