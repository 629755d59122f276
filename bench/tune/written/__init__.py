"""What searches found, written into cards."""
