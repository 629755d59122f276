"""The solvers, one file per method."""

from bench.solver import Solver
from solvers.anchors import Exact, Oracle, Unconditional
from solvers.daps import DAPS
from solvers.ddnm import DDNM
from solvers.ddrm import DDRM
from solvers.diffpir import DiffPIR
from solvers.dps import DPS
from solvers.mcg import MCG
from solvers.pigdm import PiGDM
from solvers.pinv import Pinv
from solvers.red_diff import RedDiff
from solvers.tds import TDS

SOLVERS: dict[str, type[Solver]] = {
    "pinv": Pinv,
    "red_diff": RedDiff,
    "dps": DPS,
    "pigdm": PiGDM,
    "ddrm": DDRM,
    "mcg": MCG,
    "ddnm": DDNM,
    "diffpir": DiffPIR,
    "daps": DAPS,
}

ANCHORS: dict[str, type[Solver]] = {"prior": Unconditional, "oracle": Oracle, "exact": Exact, "tds": TDS}
"""Rows of the exact suites that are no methods for images; suites name them like solvers."""
