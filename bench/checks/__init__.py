"""The contracts of solvers and operators: what each promises, checked in seconds."""
