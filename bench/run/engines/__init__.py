"""Who computes the parts of a run: this process, or several on one machine."""
