"""Intervals, paired comparisons and distances between sets, from plain arrays and without torch."""
