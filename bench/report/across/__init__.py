"""The rows of a suite over all of its tasks: average ranks, and who beats whom."""
