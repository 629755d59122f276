"""Intervals, paired comparisons and distances between sets, from plain arrays. No torch in here."""
