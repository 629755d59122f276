"""How a plan is computed: measure, solve, score, keep."""
