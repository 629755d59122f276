"""Two run folders, or two rows, image by image: what differs, what moved, and whether a gate holds."""
