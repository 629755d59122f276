"""Suites: YAML files that say which tasks, which solver rows, on which data, with which prior.

They are checked before anything runs.

    name: tiny
    dataset: fashion32              # a card in datasets/, or the path of one
    prior: fashion32                # a card in bench/priors/, or the path of one
    images: 8                       # the first n of the dataset's list
    tasks:
      - {name: inpaint_box, operator: inpaint_box, sigma: 0.05}
      - {name: half, operator: inpaint_random, params: {p: 0.5}, sigma: 0.025, sigma_unit: "[0,1]"}
    solvers:
      - {solver: pinv}
      - {solver: dps, label: dps-1000, preset: bench-1000, params: {zeta: 0.3}, images: 4, tasks: [half]}

Fields of a suite: ``name``, ``title``; ``dataset``, ``prior``, ``images``; ``samples``, reconstructions per
image; ``seed``, the root of all random streams; ``samples_per_problem``, samples per image that are scored as
one set; ``metrics`` of each image; ``features``, ``fid_mode`` and ``fid_stats``, the data set with which FID
and KID compare; ``tasks`` and ``solvers``. `bench.suites.suite` documents each of them.

A task may name a ``dataset``, a ``prior``, a number of ``images`` and a ``samples_per_problem`` of its own. A
row may take fewer ``images`` and some ``tasks``; two rows of equal settings are an error unless the later one
has ``skip_duplicates: true``, which leaves it out where it would repeat the earlier one.

Settings are merged from weak to strong: the solver's defaults, the preset for this prior and task, the row's
``params``, the command line. `bench.plan.build` asks the solver itself which parameters a row may have.
"""

from bench.suites.changes import at_most, override, with_operator
from bench.suites.suite import SolverRow, Suite, TaskRow, default_label, list_suites, load_suite
from bench.suites.yamlfile import SuiteError

__all__ = [
    "SolverRow",
    "Suite",
    "SuiteError",
    "TaskRow",
    "at_most",
    "default_label",
    "list_suites",
    "load_suite",
    "override",
    "with_operator",
]
