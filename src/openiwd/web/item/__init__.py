"""One item: its row, its details, its history, its reasons, and the acts on it."""
