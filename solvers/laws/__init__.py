"""Closed-form laws of each solver, one file each, found by name; `bench.certify.laws.laws` measures them."""
