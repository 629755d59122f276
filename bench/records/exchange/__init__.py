"""What joins and leaves run folders: merged folders, and tables for other programs."""
