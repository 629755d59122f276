"""diffusion-inverse-bench: a benchmark of diffusion-model solvers for inverse problems.

For a notebook: `solve`, `load_prior`, `make_operator`, `make_solver`, the noise models `Gaussian`, `Laplace`
and `Poisson` (`bench.api`), and `bench.records.load`.
"""

from importlib import import_module

__all__ = ["Gaussian", "Laplace", "Poisson", "load_prior", "make_operator", "make_solver", "solve"]


def __getattr__(name: str) -> object:
    """These need torch, which is loaded with the first of them: the command line and reports do without."""
    if name in __all__:
        return getattr(import_module("bench.api"), name)
    raise AttributeError(f"module 'bench' has no attribute '{name}'")
