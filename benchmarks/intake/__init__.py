"""Rows a and a2: durable intake of single items and of batches, beside their limits and peers."""
