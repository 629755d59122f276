"""PSNR and misfit of the estimates on the way, where a run kept them; see `bench.run.steps.trajectory`."""
