"""The figures of a report, as PNG bytes."""

KINDS = ("png", "svg", "pdf")
"""Formats of a figure."""
