"""Closed-form laws of each solver, one file each, found by name; `bench.certify.laws` measures them."""
