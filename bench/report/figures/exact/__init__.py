"""Figures of exact suites."""
