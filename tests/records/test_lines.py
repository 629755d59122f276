"""Lines of a journal: what is written is read, and what is not of the declared types is damaged."""

import json
import math
import zlib
from dataclasses import fields
from pathlib import Path

import pytest

from bench.records.files import StoreError
from bench.records.journal import read_records
from bench.records.lines import ORDER, BriefReader, LineReader, write_line
from bench.records.record import Brief, Record
from bench.report import render
from tests.made_record import make

PATH = Path("a.jsonl")
GOOD = json.loads(write_line(make(1, metrics={"psnr": 21.0})).split(b" ", 1)[1])
ABSENT = object()
HOSTILE = {
    "key": [None, 7, ["a"], ABSENT],
    "cell": [{}, True],
    "image": [3, None],
    "task": [None, ABSENT],
    "label": [["dps"], 1.5],
    "preset": [4],
    "status": ["fine", "", None, 1],
    "reason": [{"why": "x"}],
    "metrics": [None, [], {"psnr": "21"}, {"psnr": "nan"}, {"psnr": [1]}, {"psnr": True}, {"psnr": {"a": 1}}],
    "notes": [None, {"moved": "far"}, {"moved": "nan"}, {"moved": [1]}, {"moved": False}],
    "unavailable": [{"lpips": 1}, "none", [["a", "b"]]],
    "params": ["eta", [1], None],
    "operator_params": [0],
    "sigma": ["0.05", -1, True],
    "seconds": ["1", -2.0, [1]],
    "peak_memory_mb": ["much"],
    "nfe": [1.5, "3", -1, None, 10**30],
    "batch": [None, "8"],
    "block": [0.5, "1"],
    "sample": [-1],
    "baseline": [0, "false", None],
    "versions": [{"torch": 2}, None],
    "switches": ["compiled", [1], None],
    "guidance": [[], "x"],
    "created": [0, None],
    "format": ["1", None, 0, 1.5],
}
LINES = [(name, value) for name, values in HOSTILE.items() for value in values]


def line(text: bytes) -> bytes:
    return b"%08x %s" % (zlib.crc32(text), text)


def case(name: str, value: object) -> str:
    """A name that is the same in every process."""
    return f"{name}={'absent' if value is ABSENT else repr(value)}"[:30]


@pytest.mark.parametrize(("name", "value"), LINES, ids=[case(*pair) for pair in LINES])
def test_a_line_with_a_right_crc_and_wrong_types_is_damaged(name, value):
    values = GOOD | {name: value}
    if value is ABSENT:
        del values[name]
    for read in (LineReader(), BriefReader()):
        assert read(line(json.dumps(values).encode()), PATH) is None


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"null",
        b"{}",
        b"",
        b"{" * 100_000,
        b'{"key": "\xff"}',
        json.dumps(GOOD).replace("21.0", "NaN").encode(),
        json.dumps(GOOD).replace("21.0", "Infinity").encode(),
        json.dumps(GOOD).replace("21.0", "1e999").encode(),
        json.dumps(GOOD | {"params": "?"}).replace('"?"', '{"a": NaN}').encode(),
        json.dumps(GOOD | {"params": "?"}).replace('"?"', '{"a":' * 500 + "1" + "}" * 500).encode(),
        json.dumps(GOOD | {"params": "?"}).replace('"?"', "1" * 5000).encode(),
        json.dumps(GOOD | {"label": "\ud800"}).encode(),
        json.dumps(GOOD).encode() + b"{}",
    ],
)
def test_what_is_no_record_is_damaged(text):
    assert LineReader()(line(text), PATH) is BriefReader()(line(text), PATH) is None


def test_a_report_leaves_damaged_lines_out(tmp_path):
    """Every line is hostile but the last two."""
    (tmp_path / "journal").mkdir()
    values = [GOOD | {name: value} for name, value in LINES if value is not ABSENT]
    lines = [line(json.dumps(one).encode()) + b"\n" for one in values]
    lines += [write_line(make(i, metrics={"psnr": 20.0})) for i in (1, 2)]
    (tmp_path / "journal" / "a.jsonl").write_bytes(b"".join(lines))
    found, damaged = read_records(tmp_path)
    assert ([r.image for r in found], damaged) == (["im1", "im2"], len(values))
    page = render(tmp_path, tmp_path / "report", ["md"])[0].read_text()
    assert f"{len(values)} damaged journal lines were skipped" in page


def test_a_field_of_a_newer_version_is_dropped_and_a_newer_format_is_refused():
    read = LineReader()
    good = read(line(json.dumps(GOOD).encode()), PATH)
    assert read(line(json.dumps(GOOD | {"colour": "red"}).encode()), PATH) == good
    newer = GOOD | {"format": 2, "status": {"of": "another kind"}}
    with pytest.raises(StoreError, match=r"a.jsonl has records of format 2, newer than 1: update"):
        read(line(json.dumps(newer).encode()), PATH)


def test_what_records_share_is_kept_once_and_types_are_not_mixed():
    read = LineReader()

    def again(**changes):
        return read(write_line(make(**changes))[:-1], PATH)

    one, two = again(i=1, params={"eta": 1}), again(i=2, params={"eta": 1.0})
    assert (repr(one.params), repr(two.params)) == ("{'eta': 1}", "{'eta': 1.0}")
    assert again(i=3, params={"eta": 1}).params is one.params and one.label is two.label
    assert again(i=4, metrics={"psnr": 1.0}).metrics is not again(i=5, metrics={"psnr": 1.0}).metrics


def test_every_field_is_read():
    assert sorted(ORDER) == sorted(f.name for f in fields(Record))


def test_a_brief_record_is_a_part_of_the_whole_one():
    """Each field, set to what no other one is."""
    whole, brief = LineReader(), BriefReader()
    for i, status in enumerate(("ok", "failed", "ok")):
        values: dict = {
            name: f"{name} {i // 2}" for name, kind in Record.__annotations__.items() if "str" in str(kind)
        }
        values |= {
            name: 10 * i + k for k, name in enumerate(("sample", "samples_per_problem", "nfe", "vjps"))
        }
        values |= {"status": status, "seconds": 0.5 + i, "metrics": {"psnr": 20.5 + i, "lpips": math.inf}}
        values |= {name: {name: 1.0} for name in ("operator_params", "params", "notes", "told", "noise")}
        values |= {name: {name: "x"} for name in ("unavailable", "versions")}
        values |= {"guidance": None, "switches": ["compiled", "deterministic"][: i + 1]}
        text = write_line(make(**values))
        record, found = whole(text, PATH), brief(text, PATH)
        assert {name: getattr(found, name) for name in Brief.__struct_fields__} == {
            name: getattr(record, name) for name in Brief.__struct_fields__
        }
        assert found.is_deterministic == record.is_deterministic == (i > 0)


@pytest.mark.parametrize("field", ["metrics", "notes"])
def test_infinite_numbers_are_read(field):
    made = make(**{field: {"a": math.inf, "b": -math.inf, "c": None, "d": 1.5}})
    assert LineReader()(write_line(made), PATH) == made


def test_a_file_name_that_is_no_unicode_can_be_recorded():
    name = b"caf\xe9.png".decode(errors="surrogateescape")
    assert LineReader()(write_line(make(image=name))[:-1], PATH).image == "caf?.png"
