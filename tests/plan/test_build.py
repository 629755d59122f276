"""What of a suite enters a key, and what a suite cannot ask for."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from bench.exact.problems import ExactImages, exact_prior
from bench.plan.build import Settings, check_data, key_config, make_cells, prepare, samples_per_problem
from bench.plan.loading import DataAndPrior, make_loader
from bench.plan.options import Options
from bench.suites.changes import override, with_operator
from bench.suites.methods import load_solver
from bench.suites.suite import SuiteError, load_suite
from tests.tiny import build


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return load_suite(str(build(tmp_path_factory.mktemp("tiny"))))


@pytest.fixture(scope="module")
def cell(suite):
    return prepare(suite, Options()).cells[0]


def test_keys_keep_the_word_of_the_disk(cell, monkeypatch):
    A, found = cell.task.operators(cell.data.shape, cell.images[:1]), load_solver("pinv")

    def config(n, told=A):
        return key_config(cell.task, A, told, cell.prior, found, cell.solver, n, Options().numerics)

    assert config(1) == cell.config
    monkeypatch.setattr(
        "bench.plan.build.supplied", lambda one: {} if one is A else {"supplied": {"maps": "ab"}}
    )
    told = config(1, cell.task.operators(cell.data.shape, cell.images[:1]))["task"]
    assert told == cell.config["task"] | {"told_supplied": {"maps": "ab"}}, "files of what solvers are told"
    assert config(20) == {**cell.config, "block": {"size": 20, "noise": "rows-1", "distances": 2}}


def test_cells_are_in_the_order_of_tasks_and_rows(suite):
    cells = prepare(suite, Options()).cells
    order = [(task.name, row.label) for task in suite.tasks for row in suite.solvers]
    assert [(cell.task.name, cell.label) for cell in cells] == order
    assert len({cell.id for cell in cells}) == len(cells)


def test_the_samples_of_a_task_win_over_those_of_its_suite(suite):
    row = suite.tasks[0]
    assert samples_per_problem(suite, row) == 1
    wide = suite.model_copy(update={"samples_per_problem": 50})
    assert samples_per_problem(wide, row) == 50
    assert samples_per_problem(wide, row.model_copy(update={"samples_per_problem": 20})) == 20


def test_more_images_than_there_are_is_told(suite):
    with pytest.raises(SuiteError, match="asks for 9 images, dataset 'images' has 8"):
        prepare(suite.model_copy(update={"images": 9}), Options())


def test_sets_of_samples_need_a_posterior_or_a_score(suite, cell):
    """A network gives a score, but for noiseless y, and where it must be told the class of each image."""
    wide = suite.model_copy(update={"samples_per_problem": 10})
    assert {one.samples_per_problem for one in prepare(wide, Options()).cells} == {10}
    vectors = DataAndPrior(ExactImages("exact-mixture8"), exact_prior("exact-quarter8"))
    with pytest.raises(
        SuiteError, match="needs data drawn from a prior in closed form, or images and a netw"
    ):
        check_data(wide, wide.tasks[0], vectors)
    given = DataAndPrior(cell.data, cell.prior)
    with pytest.raises(SuiteError, match="needs noise"):
        check_data(wide, wide.tasks[0].model_copy(update={"sigma": 0.0}), given)
    labelled, told = copy.copy(cell.data), copy.copy(cell.prior)
    labelled.labels, told.classes = dict.fromkeys(cell.data.ids, 0), 1
    with pytest.raises(SuiteError, match="needs a prior that is told no class"):
        check_data(wide, wide.tasks[0], DataAndPrior(labelled, told))


def test_a_prior_with_classes_needs_labels(suite, cell):
    class Labelled:
        name, shape, ids = "labelled", cell.data.shape, cell.data.ids
        labels = dict.fromkeys(cell.data.ids, 3)

    class Conditional:
        classes, name, shape = 3, "conditional", cell.prior.shape

    for data, says in ((Labelled(), "has others"), (cell.data, "has no labels")):
        with pytest.raises(SuiteError, match=f"must be told classes 0 to 2; .* {says}"):
            make_cells(suite, lambda _, data=data: DataAndPrior(data, Conditional()), {})


def test_a_solver_that_is_unknown_is_told_with_its_line(suite):
    row = replace_row(suite, solver="dsp")
    with pytest.raises(SuiteError, match=r"tiny\.yaml:\d+: solvers\.0: unknown solver 'dsp'"):
        prepare(row, Options())


def replace_row(suite, **update):
    first, *others = suite.solvers
    return suite.model_copy(update={"solvers": (first.model_copy(update=update), *others)})


def test_duplicates_are_told_or_left_out(suite, cell):
    first = suite.solvers[0]
    twice = [first, first.model_copy(update={"label": "again"})]
    with pytest.raises(SuiteError, match="row 'again' has the same settings as 'pinv' in task 'box'"):
        prepare(suite.model_copy(update={"solvers": tuple(twice)}), Options())
    twice[1] = twice[1].model_copy(update={"skip_duplicates": True})
    cells = prepare(suite.model_copy(update={"solvers": tuple(twice)}), Options()).cells
    assert [other.label for other in cells] == ["pinv", "pinv"] and cells[0].id == cell.id
    assert replace(cells[0], label="x").id == cell.id, "a label is no setting"


def test_a_sweep_through_the_tuned_value_leaves_it_to_the_tuned_row(suite):
    swept = override(suite, ["dps", "dps.steps=4,6", "dps.steps=8"], ["box"])
    cells = prepare(swept, Options()).cells
    assert [(cell.label, cell.solver.steps) for cell in cells] == [
        ("dps", 4),
        ("dps[steps=6]", 6),
        ("dps[steps=8]", 8),
    ]
    combined = prepare(override(suite, ["dps.steps=4,6", "dps.zeta=1,2"], ["box"]), Options()).cells
    assert {(cell.solver.steps, cell.solver.zeta) for cell in combined} == {(4, 1), (4, 2), (6, 1), (6, 2)}


def test_kept_settings_count_instead_of_presets(suite, monkeypatch):
    def gone(*_):
        raise SuiteError("no preset")

    narrow = override(suite, ["dps"], ["box"])
    monkeypatch.setattr("bench.plan.build.resolve", gone)
    kept = {("dps", "box"): Settings("bench", {"steps": 9, "zeta": 3.0})}
    load = make_loader(narrow, Options())
    (cell,) = make_cells(narrow, load, {}, kept)
    assert (cell.preset, cell.solver.zeta) == ("bench", 3.0)
    with pytest.raises(SuiteError, match="no preset"):
        make_cells(narrow, load, {})


BLUR = """
import numpy as np
from pathlib import Path
from bench.operators.base import Operator

{at_import}
class Scaled(Operator):
    {files}

    def forward(self, x):
        return {factor} * x

    @property
    def out_shape(self):
        return self.shape
"""
LOAD = 'float(np.load(Path(__file__).with_name("k.npy")))'
PLACES = [{"at_import": f"K = {LOAD}", "factor": "K"}, {"at_import": "", "factor": LOAD}]


@pytest.mark.parametrize("place", PLACES, ids=["at import", "at every call"])
def test_a_file_that_an_operator_reads_is_part_of_its_key_or_refused(suite, tmp_path, place):
    np.save(tmp_path / "k.npy", 0.5)

    def key(name, files):
        path = tmp_path / name
        path.write_text(BLUR.format(files=files, **place))
        changed = with_operator(suite, f"{path}:Scaled", "Scaled")
        return prepare(override(changed, ["pinv"], [], ["pinv"]), Options()).cells[0].id

    with pytest.raises(ValueError, match=r"Scaled reads .*k.npy, .*say `files = "):
        key("a.py", "")
    before = key("b.py", 'files = ("k.npy",)')
    assert key("c.py", 'files = ("k.npy",)') == before, "the place of the code does not matter"
    np.save(tmp_path / "k.npy", 0.25)
    assert key("d.py", 'files = ("k.npy",)') != before
