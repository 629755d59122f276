"""What the closed-form laws of solvers are made of: problems, recursions and ways to look at a solver."""
