"""Measurement operators, by family; `base` holds the ladder."""
