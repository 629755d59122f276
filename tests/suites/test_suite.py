"""Suites: what is accepted, what it becomes, and what is said about the rest."""

from dataclasses import asdict
from functools import cache

import pytest

from bench.exact.problems import ExactImages, exact_prior, is_exact
from bench.operators import OPERATORS
from bench.operators.masks import InpaintBox
from bench.operators.nonlinear import PhaseRetrieval
from bench.plan.build import make_cells, operator_settings
from bench.plan.loading import DataAndPrior
from bench.suites import presets
from bench.suites.methods import build_solver, load_solver
from bench.suites.suite import SuiteError, list_suites, load_suite

HEAD = "name: s\ndataset: d\nprior: p\nimages: 2\n"
TASKS = "tasks:\n  - {name: t, operator: hdr, sigma: .1}\n"
SOLVE = "solvers:\n  - {solver: pinv}\n"


class FakeData:
    """Shapes and names only."""

    name, shape = "d", (1, 16, 16)
    ids = tuple(f"im{k}" for k in range(64))

    def image_sha256(self, image):
        return image


class FakePrior:
    name, weights_sha256, config_sha256, shape, classes = "fashion32", "0" * 64, "1" * 64, (1, 16, 16), None


class Data256(FakeData):
    shape, ids = (3, 256, 256), tuple(f"im{k}" for k in range(1000))


class Prior256(FakePrior):
    shape = Data256.shape

    def __init__(self, name):
        self.name = name


def fake_loader(_):
    return DataAndPrior(FakeData(), FakePrior())


@pytest.fixture
def supplied(monkeypatch):
    """Others in place of the two operators that are made of the user's files."""

    def freeform(shape, seeds, fraction: str = "20-30% freeform"):
        return InpaintBox(shape, seeds)

    def nonlinear(shape, seeds):
        return PhaseRetrieval(shape, seeds)

    monkeypatch.setitem(OPERATORS, "inpaint_freeform", freeform)
    monkeypatch.setitem(OPERATORS, "blur_nonlinear", nonlinear)


@cache
def exact_pair(name):
    return DataAndPrior(ExactImages(name), exact_prior(name))


def write(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return str(path)


def loader_of(suite):
    if "256" in suite.prior:
        return lambda _: DataAndPrior(Data256(), Prior256(suite.prior))
    return (lambda row: exact_pair(row.prior or suite.prior)) if is_exact(suite.prior) else fake_loader


@pytest.mark.long
@pytest.mark.parametrize("name", list_suites())
def test_shipped_suites_resolve_into_distinct_cells(name, supplied):
    suite = load_suite(name)
    cells = make_cells(suite, loader_of(suite), {"dtype": "float32"})
    assert len({cell.id for cell in cells}) == len(cells) > 0
    for cell in cells:
        number = cell.label.rpartition("-")[2]
        if number.isdigit():
            steps = getattr(cell.solver, "steps", None) or cell.solver.levels
            assert steps == int(number), "labels state the number of steps"


AT_256 = [name for name in list_suites() if name.startswith(("ffhq-", "imagenet-"))]


@pytest.mark.long
@pytest.mark.parametrize("name", AT_256)
def test_rows_at_256_have_every_preset_and_tasks_their_unit(name, supplied):
    """A preset without a row of its own has the settings of one that has; DiffPIR's official steps are set by
    the rows."""
    suite = load_suite(name)
    assert {row.preset for row in suite.solvers} == {None, "bench", "official", "paper"}
    assert all("sigma_unit" in task.model_fields_set for task in suite.tasks if task.sigma), (
        "0.05 alone is two noise levels"
    )
    cells, settings = make_cells(suite, loader_of(suite), {}), lambda solver: asdict(solver) | {"steps": 0}
    for cell in (cell for cell in cells if cell.preset):
        rows = [
            settings(other.solver) for other in cells if (other.task, other.name) == (cell.task, cell.name)
        ]
        for preset in ("bench", "official"):
            values = presets.resolve(cell.name, preset, cell.prior.name, cell.task.name, cell.task.operator)[
                1
            ]
            assert settings(build_solver(load_solver(cell.name), values, str)) in rows, (
                cell.name,
                preset,
                cell.task.name,
            )


def test_every_operator_that_images_have_is_a_task_at_256():
    """All that are specified; `sr_average2` is `sr_average4` with another factor, and the medical ones, which
    measure no photographs, have a suite of their own."""
    asked = {task.operator for name in (*AT_256, "medical") for task in load_suite(name).tasks}
    assert asked == OPERATORS.keys() - {"matrix", "random_matrix", "sr_average2"}


def test_a_task_says_its_noise_in_one_of_three_ways(tmp_path):
    def cells(task):
        path = tmp_path / "my.yaml"
        path.write_text(HEAD + f"tasks:\n  - {{name: t, operator: denoise, {task}}}\n" + SOLVE)
        return make_cells(load_suite(str(path)), fake_loader, {})

    made = {}
    for noise in ("sigma: .1", "noise: {kind: poisson, rate: 1}", "noise: {kind: laplace, scale: .1}"):
        (cell,) = cells(noise)
        made[cell.id] = type(cell.task.likelihood).__name__
        assert cell.task.sigma == (0.1 if "sigma" in noise else None)
    assert list(made.values()) == ["Gaussian", "Poisson", "Laplace"]
    (same,) = cells("sigma: .1, told_sigma: .1")
    assert same.id in made, "the truth is no misspecification"
    (told,) = cells("sigma: .05, told_sigma: .1, sigma_unit: '[0,1]'")
    assert (told.task.sigma, told.task.told_sigma) == (0.1, 0.2)
    for wrong, message in (
        ("title: x", "tasks.0: give either sigma"),
        ("sigma: .1, noise: {kind: poisson, rate: 1}", "give either sigma"),
        ("noise: {kind: gauss, sigma: 1}", "'poisson', 'laplace'"),
        ("noise: {kind: poisson, rate: 0}", "greater than or equal to 0.000001"),
        ("sigma: .1, draws_of: u", "tasks.0.draws_of: unknown task 'u'"),
        ("sigma: .1, told: {p: .1}", "operator 'denoise'"),
        ("sigma: .1, told_sigma: .inf", "is not a finite number"),
        ("sigma: .1, told_sigma: 1e9", "less than or equal to 1000"),
        ("noise: {kind: poisson, rate: 1e-300}", "greater than or equal to 0.000001"),
        ("noise: {kind: laplace, scale: 1e300}", "less than or equal to 1000"),
    ):
        with pytest.raises(SuiteError, match=message):
            cells(wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + "taskss: 1\n" + TASKS + SOLVE,
            "my.yaml:5: taskss: unknown parameter (did you mean 'tasks'?)",
        ),
        (
            HEAD.replace("2", "0") + TASKS + SOLVE,
            "my.yaml:4: images: Input should be greater than or equal to 1 [got 0]",
        ),
        (
            HEAD + TASKS.replace(".1", "-1") + SOLVE,
            "my.yaml:6: tasks.0.sigma: Input should be greater than or equal to 0",
        ),
        (HEAD + TASKS.replace("name: t", "name: a/b") + SOLVE, "my.yaml:6: tasks.0.name: "),
        (
            HEAD + TASKS + "solvers:\n  - {solver: dps}\n  - {solver: dps}\n",
            "my.yaml:9: solvers.1: two rows of one task are labelled 'dps'",
        ),
        (
            HEAD + TASKS + "solvers:\n  - solver: dps\n    tasks: [u]\n",
            "my.yaml:9: solvers.0.tasks: unknown task 'u'",
        ),
        (
            HEAD + TASKS + "solvers:\n  - {solver: dps, tasks: ['!t']}\n",
            "my.yaml:8: solvers.0.tasks: no task is left",
        ),
        (HEAD + TASKS, "my.yaml:1: solvers: is missing"),
        (HEAD + "name: t\n" + TASKS + SOLVE, "my.yaml:5: 'name' is given twice"),
        (HEAD + "tasks: [\n", "not valid YAML"),
        ("- 1\n", "my.yaml:1: expected a mapping"),
    ],
)
def test_messages_name_the_line(tmp_path, text, message):
    with pytest.raises(SuiteError) as error:
        load_suite(write(tmp_path, text))
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (
            "{solver: dps, params: {zta: 1}}",
            "my.yaml:8: solvers.0.params.zta: unknown parameter (did you mean 'zeta'?)",
        ),
        (
            "{solver: dps, params: {steps: 0}}",
            "my.yaml:8: solvers.0.params.steps: Input should be greater than or equal to 1",
        ),
        (
            "{solver: dps, params: {spacing: x}}",
            "solvers.0.params.spacing: Input should be 'leading', 'trailing'",
        ),
        ("{solver: dsp}", "my.yaml:8: solvers.0: unknown solver 'dsp' (did you mean 'dps'?)"),
        (
            "{solver: dps, preset: bnch}",
            "my.yaml:8: solvers.0.preset: dps has no preset 'bnch' (did you mean 'bench'?)",
        ),
        ("{solver: red_diff, images: 99}", "asks for 99 images, dataset 'd' has 64"),
    ],
)
def test_row_messages(tmp_path, solver, message):
    suite = load_suite(write(tmp_path, HEAD + TASKS + f"solvers:\n  - {solver}\n"))
    with pytest.raises(SuiteError) as error:
        make_cells(suite, fake_loader, {})
    assert message in str(error.value)


def test_task_and_duplicate_messages(tmp_path):
    bad_task = load_suite(write(tmp_path, HEAD + TASKS.replace("hdr", "hrd") + SOLVE))
    with pytest.raises(
        SuiteError, match=r"my.yaml:6: tasks.0: task 't': unknown operator 'hrd' .did you mean 'hdr'"
    ):
        make_cells(bad_task, fake_loader, {})
    two = TASKS + TASKS.removeprefix("tasks:\n").replace("name: t", "name: u").replace("hdr", "hrd")
    with pytest.raises(SuiteError, match=r"'u': unknown operator 'hrd'.* \(--task '!u' runs the others\)"):
        make_cells(load_suite(write(tmp_path, HEAD + two + SOLVE)), fake_loader, {})
    endless = TASKS.replace("hdr", "blur_gauss, params: {std: yes}")
    with pytest.raises(
        SuiteError,
        match=r"my.yaml:6: tasks.0: task 't': operator 'blur_gauss': std = 'yes' should be a valid",
    ):
        make_cells(load_suite(write(tmp_path, HEAD + endless + SOLVE)), fake_loader, {})
    row = "  - {{solver: dps, label: {}, params: {{zeta: {}}}}}\n".format
    duplicates = "solvers:\n" + row("a", "1") + row("b", "1e0")
    with pytest.raises(SuiteError, match="row 'b' has the same settings as 'a'"):
        make_cells(load_suite(write(tmp_path, HEAD + TASKS + duplicates)), fake_loader, {})


def test_equal_settings_give_equal_keys(tmp_path):
    """Written as 1e-1, 0.1 or a string, in either unit of sigma; and every real difference changes the
    key."""

    def key(task="sigma: .1", params="zeta: 0.1", numerics="float32"):
        tasks = f"tasks:\n  - {{name: t, operator: inpaint_random, {task}}}\n"
        text = HEAD + tasks + f"solvers:\n  - {{solver: dps, params: {{{params}}}}}\n"
        (cell,) = make_cells(load_suite(write(tmp_path, text)), fake_loader, {"dtype": numerics})
        return cell.jobs(FakeData.image_sha256)[0].key

    assert (
        len(
            {
                key(),
                key(params="zeta: 1e-1"),
                key(task="sigma: 0.05, sigma_unit: '[0,1]'"),
            }
        )
        == 1
    )
    assert key() == key(task="sigma: .1, params: {p: 7e-1}"), "a default that is written out"
    different = [
        key(),
        key(params="zeta: 0.2"),
        key(task="sigma: .2"),
        key(task="sigma: .1, params: {p: 0.5}"),
    ]
    assert len({*different, key(numerics="float64")}) == 5


def test_operator_settings_include_defaults():
    assert operator_settings("inpaint_random", {}) == {"p": 0.7}
    assert operator_settings("blur_gauss", {"std": 3})["std"] == 3.0


def test_a_row_that_is_no_other_than_an_earlier_one_is_refused_or_left_out(tmp_path):
    def labels(zeta, more="", first=""):
        row = "  - {{solver: dps, label: {}, params: {{zeta: {}}}{}}}\n".format
        suite = load_suite(
            write(tmp_path, HEAD + TASKS + "solvers:\n" + row("a", 1, first) + row("b", zeta, more))
        )
        return [cell.label for cell in make_cells(suite, fake_loader, {})]

    assert labels(2) == labels(2, ", skip_duplicates: true") == ["a", "b"]
    assert labels(1, ", skip_duplicates: true") == ["a"]
    with pytest.raises(SuiteError, match="row 'b' has the same settings as 'a'"):
        labels(1, ", skip_duplicates: true", first=", images: 1")
    with pytest.raises(
        SuiteError, match=r"my.yaml:9: solvers.1: row 'b' has the same settings as 'a' in task 't'"
    ):
        labels(1)


@pytest.mark.parametrize("name", ["linear", "nonlinear"])
def test_stochastic_rows_of_33_to_100_evaluations_have_two_samples(name):
    """Most of a difference between two samplers may be their own randomness."""
    asked = {row.label: row.samples or 1 for row in load_suite(name).solvers}
    assert asked == {label: 2 if label.endswith(("-33", "-50", "-100")) else 1 for label in asked}
    assert 2 in asked.values()


def test_rows_share_a_label_only_where_their_tasks_are_disjoint(tmp_path):
    two = HEAD + TASKS + "  - {name: u, operator: denoise, sigma: 0.2}\nsolvers:\n"
    shared = "  - {solver: dps, label: ours, tasks: [t]}\n  - {solver: ddrm, label: ours, tasks: ['!t']}\n"
    suite = load_suite(write(tmp_path, two + shared))
    assert [(row.label, row.solver) for row in suite.solvers] == [("ours", "dps"), ("ours", "ddrm")]
    with pytest.raises(SuiteError, match=r"solvers\.1: two rows of one task are labelled 'ours'"):
        load_suite(write(tmp_path, two + shared.replace("'!t'", '"*"')))
