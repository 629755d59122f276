"""The verbs about whole run folders: `compare`, `merge`, `export`."""
