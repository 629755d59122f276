"""The parts of `benchmarks/gpu.py`: their measurements, and the tables of them."""
