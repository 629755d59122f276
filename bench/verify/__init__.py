"""Makes recorded runs again, and compares."""
