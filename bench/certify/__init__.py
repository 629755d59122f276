"""Certification: a solver is right when it reproduces closed-form laws to float precision on exact priors."""
