"""The parts of `benchmarks/gpu.py`: what each measures, and the tables."""
