"""Several samples of one image: what they vary in, how often they succeed, and the best of them."""
