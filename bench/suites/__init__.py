"""Suites: which tasks, which solver rows, on which data with which prior. YAML files, checked before anything
runs.

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

A task may name a ``dataset`` and a ``prior`` of its own, and its own ``samples_per_problem``. Settings are merged from
weak to strong: the solver's defaults, the preset for this prior and task, the row's ``params``, the command
line. What a row's parameters may be is asked from the solver itself, in `bench.plan.build`.
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
