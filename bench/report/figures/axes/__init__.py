"""What panels with many rows need: robust limits, points that do not hide each other, names beside them."""
