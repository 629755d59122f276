"""What the machine gives: devices, clocks, versions, files that are fetched once, code of a user's own."""
