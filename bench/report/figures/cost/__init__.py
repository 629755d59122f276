"""Quality against cost on one task: what is compared, and how it is drawn."""
