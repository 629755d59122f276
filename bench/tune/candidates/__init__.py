"""Candidates: points of a search space, and which of them come next."""
