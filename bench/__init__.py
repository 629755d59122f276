"""diffusion-inverse-bench: a benchmark of diffusion-model solvers for inverse problems."""
