"""YAML files whose errors name the line."""

import pytest

from bench.suites.yamlfile import SuiteError, YamlSource, explain

TEXT = """\
name: s
rows:
  - {solver: dps}
  - solver: ddrm
    params:
      eta: 1
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "my.yaml").write_text(TEXT)
    return YamlSource(tmp_path / "my.yaml")


def test_the_line_of_the_deepest_part_that_the_file_has(source):
    lines = {
        (): 1, ("name",): 1, ("rows",): 2, ("rows", 0): 3, ("rows", 0, "label"): 3, ("rows", 7): 2,
        ("rows", 1, "params", "eta"): 6, ("rows", 1, "params", "eta", "more"): 6, ("absent",): 1,
    }  # fmt: skip
    assert {loc: source.line(loc) for loc in lines} == lines
    assert source.at(("rows", 1, "params", "eta")) == f"{source.path}:6: rows.1.params.eta"
    assert source.at(()) == f"{source.path}:1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: {b: 1,\n  b: 2}\n", "my.yaml:2: 'b' is given twice"),
        (b"- a\n- b\n", "my.yaml:1: expected a mapping of fields, found list"),
        (b"", "my.yaml:1: expected a mapping of fields, found NoneType"),
        (b"a: [\n", "my.yaml:2: not valid YAML"),
        (b"\xff\xfe\x00", "not a text file"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, content, message):
    (tmp_path / "my.yaml").write_bytes(content)
    with pytest.raises(SuiteError) as error:
        YamlSource(tmp_path / "my.yaml")
    assert message in str(error.value)
    with pytest.raises(SuiteError, match=r"cannot read .*absent.yaml: No such file"):
        YamlSource(tmp_path / "absent.yaml")


def test_reasons_name_what_was_given_where_that_is_short():
    error = {"type": "greater_than", "loc": ("steps",), "msg": "Input should be greater than 0", "input": 0}
    assert explain(error, []) == "Input should be greater than 0 [got 0]"
    assert explain(error | {"input": [0] * 100}, []) == "Input should be greater than 0"
    assert explain(error | {"type": "missing"}, []) == "is missing"
    unknown = explain(error | {"type": "extra_forbidden"}, ["step"])
    assert unknown == "unknown parameter (did you mean 'step'?); known: step"
