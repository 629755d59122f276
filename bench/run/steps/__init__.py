"""What is watched of a solver's steps, beside its last one."""
