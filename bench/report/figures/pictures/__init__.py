"""Figures that are made of pictures: grids of a task, and the best, median and worst of every row."""
